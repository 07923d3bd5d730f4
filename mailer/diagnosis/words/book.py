"""All entries by slug."""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.words.credentials import CREDENTIALS
from mailer.diagnosis.words.delivery import DELIVERY
from mailer.diagnosis.words.entry import Entry
from mailer.diagnosis.words.exchange import EXCHANGE
from mailer.diagnosis.words.permissions import PERMISSIONS

BOOK: Final[dict[str, Entry]] = CREDENTIALS | PERMISSIONS | EXCHANGE | DELIVERY
