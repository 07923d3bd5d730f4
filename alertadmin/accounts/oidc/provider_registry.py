"""The configured sign-in providers, reloaded when the file changes.

If the file becomes unusable, the last good providers stay active; the log and administrators get the error.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from alertadmin.accounts.oidc.config_file import SignInFileError, load
from alertadmin.accounts.oidc.provider import Provider
from mailer.clouds_config import read_clouds_file

LOGGER = logging.getLogger(__name__)


@dataclass
class _Registry:
    stamp: object = None
    providers: dict[str, Provider] = field(default_factory=dict)
    load_error: str = ""


_REGISTRY = _Registry()


def providers() -> list[Provider]:
    return list(_current().providers.values())


def find(slug: str) -> Provider | None:
    return _current().providers.get(slug)


def load_error() -> str:
    """Why the file cannot be used, as one English sentence; empty if it can."""
    return _current().load_error


def _current() -> _Registry:
    path: Path | None = settings.ENVIRONMENT.sign_in_file
    stamp = (path, _changed_at(path), settings.ENVIRONMENT.clouds_file, _changed_at(settings.ENVIRONMENT.clouds_file))
    if stamp != _REGISTRY.stamp:
        of_another_file = _REGISTRY.stamp is None or path != _REGISTRY.stamp[0]  # type: ignore[index]
        fallback = {} if of_another_file else _REGISTRY.providers
        try:
            read = load(path, read_clouds_file(settings.ENVIRONMENT.clouds_file).clouds) if path else {}
            _REGISTRY.providers, _REGISTRY.load_error = read, ""
        except SignInFileError as error:
            _REGISTRY.providers, _REGISTRY.load_error = fallback, str(error)
            LOGGER.error("%s", error)
        _REGISTRY.stamp = stamp
    return _REGISTRY


def _changed_at(path: Path | None) -> int:
    """Time of the last change to the file or its mode, in ns."""
    try:
        return path.stat().st_ctime_ns if path else 0
    except OSError:
        return 0
