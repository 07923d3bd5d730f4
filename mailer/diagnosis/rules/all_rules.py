"""All rows, in the order that decides between equals: Entra first (without a token nothing else is reached), then the
mailbox's doors, then mail itself, then the way there."""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.connection import CONNECTION
from mailer.diagnosis.rules.ews import EWS
from mailer.diagnosis.rules.graph import GRAPH
from mailer.diagnosis.rules.http_status import OAUTH_WORDS, STATUS
from mailer.diagnosis.rules.phrases import PROSE
from mailer.diagnosis.rules.phrases_exchange import PROSE_EXCHANGE
from mailer.diagnosis.rules.rule import Rule
from mailer.diagnosis.rules.smtp import SMTP

ALL_RULES: Final[tuple[Rule, ...]] = (*PROSE, *PROSE_EXCHANGE, *EWS, *GRAPH, *SMTP, *CONNECTION, *OAUTH_WORDS, *STATUS)
