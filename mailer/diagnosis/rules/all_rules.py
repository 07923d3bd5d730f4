"""All rules, in the order that decides between equal ranks: Entra first (nothing works without a token), then EWS and
Graph, then SMTP, then the connection."""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.connection import CONNECTION
from mailer.diagnosis.rules.entra_words import ENTRA_WORDS
from mailer.diagnosis.rules.ews import EWS
from mailer.diagnosis.rules.graph import GRAPH
from mailer.diagnosis.rules.http_status import OAUTH_WORDS, STATUS
from mailer.diagnosis.rules.localized import LOCALIZED
from mailer.diagnosis.rules.ndr import NDR
from mailer.diagnosis.rules.phrases import PHRASES
from mailer.diagnosis.rules.phrases_exchange import EXCHANGE_PHRASES
from mailer.diagnosis.rules.replies import PHASES
from mailer.diagnosis.rules.rule import Rule
from mailer.diagnosis.rules.smtp import SMTP
from mailer.diagnosis.rules.transport_words import TRANSPORT_WORDS
from mailer.diagnosis.rules.windows_codes import WINDOWS_CODES

ALL_RULES: Final[tuple[Rule, ...]] = (
    *PHRASES,
    *EXCHANGE_PHRASES,
    *ENTRA_WORDS,
    *EWS,
    *GRAPH,
    *NDR,
    *SMTP,
    *WINDOWS_CODES,
    *LOCALIZED,
    *CONNECTION,
    *TRANSPORT_WORDS,
    *OAUTH_WORDS,
    *PHASES,
    *STATUS,
)
