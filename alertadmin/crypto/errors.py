"""Why a stored secret cannot be decrypted, or none can be encrypted."""

from __future__ import annotations

from alertadmin.crypto import messages
from mailer.coded_text import CodedError


class Unreadable(CodedError):
    """A secret cannot be decrypted or encrypted; the message says why and what to do, and contains no secret."""


class KeyringError(Unreadable):
    """The keyring cannot be used, or not be changed like this. `key_ids`: the unavailable keys, if known."""

    def __init__(self, message: str, key_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.key_ids = key_ids


class KeyMissing(KeyringError):
    """A secret was encrypted with a key that is not in the keyring."""

    def __init__(self, key_id: str, storage: str) -> None:
        super().__init__(messages.KEY_MISSING % {"key": key_id, "file": storage}, (key_id,))
        self.key_id = key_id
