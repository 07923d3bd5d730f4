"""Envelope encryption of the key file by a key of an outside KMS, or none.

The envelope is JSON: `{"wrapped_by": "https://…", "key": "<a fresh AES-256 key, encrypted by the KMS>",
"keys": ["k1"], "ring": "<base64 of nonce + the keyring encrypted with that AES key>"}`. The key ids are not encrypted,
so that messages can name the unavailable keys.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from alertadmin.crypto import messages
from alertadmin.crypto.errors import KeyringError

KMS_TIMEOUT = 10.0
"""Seconds for one whole call to the KMS."""
RETRY_AFTER = 15.0
"""Seconds after a failed call during which the KMS is not called again, so that pages do not each wait for it."""
NONCE_BYTES = 12

Result = TypeVar("Result")


class KeyProvider(Protocol):
    """A KMS key that encrypts and decrypts 32 bytes. Both raise KmsUnavailable or KmsRefused. `str` is its URL."""

    def wrap(self, key: bytes) -> str: ...

    def unwrap(self, wrapped: str) -> bytes: ...


class KmsUnavailable(Exception):
    """The KMS does not answer; the message is a short reason."""


class KmsRefused(Exception):
    """The KMS answers with an error; the message is its own text."""


@dataclass(frozen=True)
class NoEnvelope:
    """The file contains the keys unencrypted."""

    def wrap(self, ring: bytes, file: str) -> bytes:
        return ring

    def unwrap(self, written: bytes, file: str) -> bytes:
        """Raises KeyringError if the file is an envelope."""
        if wrapped_by := _parse(written).get("wrapped_by"):
            raise KeyringError(messages.FILE_WRAPPED % {"file": file, "vault": wrapped_by})
        return written


@dataclass(frozen=True)
class EnvelopeEncryption:
    provider: KeyProvider

    def wrap(self, ring: bytes, file: str) -> bytes:
        """Raises KeyringError."""
        key_ids, fresh = sorted(json.loads(ring)["keys"]), AESGCM.generate_key(256)
        wrapped = self._call(tuple(key_ids), lambda: self.provider.wrap(fresh))
        envelope: dict[str, Any] = {"wrapped_by": str(self.provider), "key": wrapped, "keys": key_ids}
        nonce = os.urandom(NONCE_BYTES)
        encrypted = nonce + AESGCM(fresh).encrypt(nonce, ring, _associated_data(envelope))
        return json.dumps({**envelope, "ring": base64.b64encode(encrypted).decode("ascii")}, indent=1).encode()

    def unwrap(self, written: bytes, file: str) -> bytes:
        """Raises KeyringError."""
        envelope = _parse(written)
        if not (wrapped_by := envelope.get("wrapped_by")):
            raise KeyringError(messages.FILE_NOT_WRAPPED % {"file": file, "vault": self.provider})
        if wrapped_by != str(self.provider):
            raise KeyringError(
                messages.FILE_WRAPPED_ELSEWHERE % {"file": file, "vault": wrapped_by, "named": self.provider}
            )
        try:
            wrapped, key_ids = str(envelope["key"]), tuple(map(str, envelope["keys"]))
            encrypted = base64.b64decode(envelope["ring"], validate=True)
        except (KeyError, ValueError, TypeError) as error:
            raise _damaged(file, error) from None
        key = self._call(key_ids, lambda: self.provider.unwrap(wrapped))
        try:
            return AESGCM(key).decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], _associated_data(envelope))
        except (InvalidTag, ValueError) as error:
            raise _damaged(file, error) from None

    def _call(self, key_ids: tuple[str, ...], call: Callable[[], Result]) -> Result:
        try:
            return _call_once_at_a_time(str(self.provider), call)
        except (KmsUnavailable, KmsRefused) as error:
            message = messages.KMS_UNAVAILABLE if isinstance(error, KmsUnavailable) else messages.KMS_REFUSED
            values = {"keys": ", ".join(key_ids), "vault": self.provider, "why": error}
            raise KeyringError(message % values, key_ids) from None


def _parse(written: bytes) -> dict[str, Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _associated_data(envelope: dict[str, Any]) -> bytes:
    return json.dumps([envelope["wrapped_by"], envelope["key"], envelope["keys"]]).encode()


def _damaged(file: str, error: Exception) -> KeyringError:
    return KeyringError(messages.FILE_DAMAGED % {"file": file, "error": type(error).__name__})


_calling = threading.Lock()
_failures: dict[str, tuple[float, KmsUnavailable | KmsRefused]] = {}
"""By the KMS key's URL: when it may be called again, and the last error."""


def _call_once_at_a_time(address: str, call: Callable[[], Result]) -> Result:
    """Call the KMS from one thread at a time. Other threads, and calls within RETRY_AFTER, get the last error.

    Raises KmsUnavailable, KmsRefused.
    """
    until, failure = _failures.get(address, (0.0, None))
    if failure and until > monotonic():
        raise _copy(failure)
    if not _calling.acquire(blocking=failure is None):
        raise _copy(failure or KmsUnavailable())
    try:
        until, newer = _failures.get(address, (0.0, None))
        if newer and until > monotonic():
            raise _copy(newer)
        result = _call_with_timeout(KMS_TIMEOUT, call)
        _failures.pop(address, None)
        return result
    except (KmsUnavailable, KmsRefused) as error:
        _failures[address] = monotonic() + RETRY_AFTER, error
        raise
    finally:
        _calling.release()


def _copy(failure: KmsUnavailable | KmsRefused) -> KmsUnavailable | KmsRefused:
    return type(failure)(*failure.args)


def _call_with_timeout(seconds: float, call: Callable[[], Result]) -> Result:
    """Run the call in a thread and abandon it after the timeout, since a server could send single bytes forever."""
    results: list[Result] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="keys")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise KmsUnavailable(f"no answer within {seconds:g} seconds")
    return results[0]


def forget() -> None:
    """Discard past failures, so that the next call is made at once."""
    _failures.clear()
