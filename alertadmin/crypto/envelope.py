"""How the key ring lies in its file: as it is, or as an envelope that only a key kept elsewhere opens.

The envelope is JSON: `{"wrapped_by": "https://…", "key": "<what the outside key made of a fresh AES-256 key>",
"keys": ["k1"], "ring": "<base64 of nonce + the ring under that AES key>"}`. The names of the keys stand in it in clear,
so that it can be said which are out of reach.
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
from alertadmin.crypto.keyring_types import KEY_BYTES, KeyringError

PATIENCE = 10.0
"""Seconds that the outside key may take, whatever it does meanwhile."""
REST = 15.0
"""Seconds for which it is left alone after it failed: no page waits for it again and again."""
NONCE_BYTES = 12

Answer = TypeVar("Answer")


class KeyProvider(Protocol):
    """A key kept elsewhere, that wraps and unwraps 32 bytes. Both raise KmsUnavailable or Refused. `str` is its
    address."""

    def wrap(self, key: bytes) -> str: ...

    def unwrap(self, wrapped: str) -> bytes: ...


class KmsUnavailable(Exception):
    """Nobody answers there; the message is the reason in a few words."""


class KmsRefused(Exception):
    """It answers, and refuses; the message is the reason in its own words."""


@dataclass(frozen=True)
class NoEnvelope:
    """As it is: whoever reads the file has the keys."""

    def wrapped(self, ring: bytes, file: str) -> bytes:
        return ring

    def unwrapped(self, written: bytes, file: str) -> bytes:
        if wrapped_by := _envelope(written).get("wrapped_by"):
            raise KeyringError(messages.FILE_WRAPPED % {"file": file, "vault": wrapped_by})
        return written


@dataclass(frozen=True)
class EnvelopeEncryption:
    provider: KeyProvider

    def wrapped(self, ring: bytes, file: str) -> bytes:
        key_ids, fresh = sorted(json.loads(ring)["keys"]), AESGCM.generate_key(KEY_BYTES * 8)
        wrapped = self._ask(tuple(key_ids), lambda: self.provider.wrap(fresh))
        envelope: dict[str, Any] = {"wrapped_by": str(self.provider), "key": wrapped, "keys": key_ids}
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(fresh).encrypt(nonce, ring, _bound(envelope))
        return json.dumps({**envelope, "ring": base64.b64encode(sealed).decode("ascii")}, indent=1).encode()

    def unwrapped(self, written: bytes, file: str) -> bytes:
        envelope = _envelope(written)
        if not (wrapped_by := envelope.get("wrapped_by")):
            raise KeyringError(messages.FILE_NOT_WRAPPED % {"file": file, "vault": self.provider})
        if wrapped_by != str(self.provider):
            raise KeyringError(
                messages.FILE_WRAPPED_ELSEWHERE % {"file": file, "vault": wrapped_by, "named": self.provider}
            )
        try:
            wrapped, key_ids = str(envelope["key"]), tuple(map(str, envelope["keys"]))
            sealed = base64.b64decode(envelope["ring"], validate=True)
        except (KeyError, ValueError, TypeError) as error:
            raise _damaged(file, error) from None
        key = self._ask(key_ids, lambda: self.provider.unwrap(wrapped))
        try:
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(envelope))
        except (InvalidTag, ValueError) as error:
            raise _damaged(file, error) from None

    def _ask(self, key_ids: tuple[str, ...], question: Callable[[], Answer]) -> Answer:
        try:
            return _patiently(str(self.provider), question)
        except (KmsUnavailable, KmsRefused) as error:
            sentence = messages.KMS_UNAVAILABLE if isinstance(error, KmsUnavailable) else messages.KMS_REFUSED
            values = {"keys": ", ".join(key_ids), "vault": self.provider, "why": error}
            raise KeyringError(sentence % values, key_ids) from None


def _envelope(written: bytes) -> dict[str, Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _bound(envelope: dict[str, Any]) -> bytes:
    return json.dumps([envelope["wrapped_by"], envelope["key"], envelope["keys"]]).encode()


def _damaged(file: str, error: Exception) -> KeyringError:
    return KeyringError(messages.FILE_DAMAGED % {"file": file, "error": type(error).__name__})


_asking = threading.Lock()
_failures: dict[str, tuple[float, KmsUnavailable | KmsRefused]] = {}
"""Until when an address is left alone, and why."""


def _patiently(address: str, question: Callable[[], Answer]) -> Answer:
    """One asks at a time; who comes meanwhile, or soon after a failure, is told of the last one.

    Raises KmsUnavailable, Refused.
    """
    until, failure = _failures.get(address, (0.0, None))
    if failure and until > monotonic():
        raise _again(failure)
    if not _asking.acquire(blocking=failure is None):
        raise _again(failure or KmsUnavailable())
    try:
        until, newer = _failures.get(address, (0.0, None))
        if newer and until > monotonic():
            raise _again(newer)
        answer = _within(PATIENCE, question)
        _failures.pop(address, None)
        return answer
    except (KmsUnavailable, KmsRefused) as error:
        _failures[address] = monotonic() + REST, error
        raise
    finally:
        _asking.release()


def _again(failure: KmsUnavailable | KmsRefused) -> KmsUnavailable | KmsRefused:
    return type(failure)(*failure.args)


def _within(seconds: float, question: Callable[[], Answer]) -> Answer:
    """A server that sends a byte now and then would be waited for without end: a thread is left behind with it."""
    answers: list[Answer] = []
    errors: list[Exception] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="keys")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise KmsUnavailable(f"no answer within {seconds:g} seconds")
    return answers[0]


def forget() -> None:
    """Asks again at once."""
    _failures.clear()
