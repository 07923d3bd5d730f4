"""All entries by slug."""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.texts.credentials import CREDENTIALS
from mailer.diagnosis.texts.delivery import DELIVERY
from mailer.diagnosis.texts.entry import Entry
from mailer.diagnosis.texts.exchange import EXCHANGE
from mailer.diagnosis.texts.permissions import PERMISSIONS

ENTRIES: Final[dict[str, Entry]] = CREDENTIALS | PERMISSIONS | EXCHANGE | DELIVERY
