"""Details of the steps of a send."""

from __future__ import annotations

from mailer.coded_text import define
from mailer.diagnosis.texts.entry import gettext_noop

TOKEN_VALID = define("mailer.token_valid", gettext_noop("valid until %(time)s UTC"))
TOKEN_CACHED = define("mailer.token_cached", gettext_noop("cached, valid until %(time)s UTC"))
NOT_IN_TOKEN = define("mailer.not_in_token", gettext_noop("%(permission)s is not in the token"))
