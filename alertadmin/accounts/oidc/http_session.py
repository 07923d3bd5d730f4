"""Calls to sign-in providers, with time, size and concurrency limits, since anonymous requests can cause them.

A provider's metadata and keys are cached. A document older than FRESH is used while a background thread refreshes it; a
failure is cached for a while too. So sign-in clicks do not multiply calls to a provider, and a slow provider blocks at
most SLOTS threads.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

from mailer.http import http_session

LOGGER = logging.getLogger(__name__)

SECONDS = 10
"""Seconds for a whole call."""
SLOTS = 3
"""Max threads of this process that wait for providers at once; the others serve pages."""
SLOT_TIMEOUT = 0.3
"""Seconds to wait for a free slot."""
FRESH, STALE = 3600.0, 24 * 3600.0
"""Max age in seconds of a cached document: without a refresh, and while it is being refreshed."""
FAILED_FOR = 15.0
"""Seconds before a failed call is retried."""
KEYS_AGAIN = 60.0
"""Min seconds between two fetches because of an unknown key id."""

Document = dict[str, Any]
Check = Callable[[Document], None]


class ProviderBusy(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """All slots are in use."""


class ProviderSession(http_session.Session):
    """HTTP session with the project's limits and a limited number of slots."""

    def __init__(self, ca_file: str | None) -> None:
        super().__init__(ca_file, timeout=SECONDS)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Raises ProviderBusy, requests.RequestException."""
        with _slot():
            try:
                return super().send(request, **{**kwargs, "timeout": None})
            except requests.RequestException:
                raise
            except OSError as error:
                raise requests.ConnectionError(error, request=request) from error


_SLOTS = threading.BoundedSemaphore(SLOTS)


@contextmanager
def _slot() -> Iterator[None]:
    if not _SLOTS.acquire(timeout=SLOT_TIMEOUT):
        raise ProviderBusy("Too many sign-ins wait for their providers.")
    try:
        yield
    finally:
        _SLOTS.release()


@dataclass
class _CacheEntry:
    document: Document = field(default_factory=dict)
    fetched_at: float = float("-inf")
    error: Exception | None = None
    failed_at: float = float("-inf")
    fetching: threading.Lock = field(default_factory=threading.Lock)


_CACHE: dict[tuple[str, str | None], _CacheEntry] = {}


def document(url: str, ca_file: str | None, check: Check, *, newer_than: float = FRESH) -> Document:
    """A published JSON document, at most `newer_than` seconds old, or STALE while it is being refreshed.

    Raises OAuth2Error (`check` included), requests.RequestException.
    """
    entry = _CACHE.setdefault((url, ca_file), _CacheEntry())
    age = monotonic() - entry.fetched_at
    if age < newer_than:
        return entry.document
    if entry.error is not None and monotonic() - entry.failed_at < FAILED_FOR:
        if age < STALE:
            return entry.document
        raise entry.error
    if FRESH <= age < STALE:
        threading.Thread(target=_refresh, args=(entry, url, ca_file, check), name="provider", daemon=True).start()
        return entry.document
    if not entry.fetching.acquire(timeout=SLOT_TIMEOUT):
        raise ProviderBusy("The provider is being asked already.")
    try:
        if entry.fetched_at == float("-inf") or monotonic() - entry.fetched_at >= newer_than:
            _fetch(entry, url, ca_file, check)
        return entry.document
    finally:
        entry.fetching.release()


def forget() -> None:
    """Clear the cache."""
    _CACHE.clear()


def _refresh(entry: _CacheEntry, url: str, ca_file: str | None, check: Check) -> None:
    if entry.fetching.acquire(blocking=False):
        try:
            _fetch(entry, url, ca_file, check)
        except (OAuth2Error, requests.RequestException) as error:
            LOGGER.warning("%s was not read anew: %s", url, error)
        finally:
            entry.fetching.release()


def _fetch(entry: _CacheEntry, url: str, ca_file: str | None, check: Check) -> None:
    try:
        with ProviderSession(ca_file) as session:
            said = json_of(session.get(url))
        check(said)
    except ProviderBusy:
        raise  # our own limit: not cached as a failure of the provider
    except (OAuth2Error, requests.RequestException) as error:
        entry.error, entry.failed_at = error, monotonic()
        raise
    entry.document, entry.fetched_at, entry.error = said, monotonic(), None


def json_of(response: requests.Response) -> Document:
    """The JSON object in a response. Raises OAuth2Error, requests.RequestException."""
    response.raise_for_status()
    try:
        said = response.json()
    except (ValueError, RecursionError) as error:
        raise OAuth2Error(f"{response.url} did not answer with JSON.") from error
    if response.status_code != 200 or not isinstance(said, dict):
        raise OAuth2Error(f"{response.url} answered {response.status_code}, which is not expected.")
    return said
