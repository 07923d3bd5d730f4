"""The clouds and Exchange servers of this installation: Microsoft's own clouds and the entries of the operator's
file."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from alertadmin.registry import messages
from mailer.clouds import Cloud, Server
from mailer.clouds_config import CloudsFile, read_clouds_file
from mailer.coded_text import CodedError

log = logging.getLogger(__name__)


class UnknownCloud(CodedError, LookupError):
    """A row names a cloud, or an Exchange server, that the operator's file no longer has."""

    def __init__(self, slug: str) -> None:
        super().__init__(messages.UNKNOWN_CLOUD % {"cloud": slug})


def clouds() -> dict[str, Cloud]:
    """All clouds by slug. Invalid entries of the file are left out."""
    return _file().clouds


def servers() -> dict[str, Server]:
    """All Exchange servers on premises by slug. Invalid entries of the file are left out."""
    return _file().servers


def file_errors() -> tuple[str, ...]:
    """One English sentence for each invalid entry, or for the whole file."""
    return _file().errors


def _file() -> CloudsFile:
    """The file as it is now. It is read again when it changed, so that a correction needs no restart."""
    path: Path | None = settings.ENVIRONMENT.clouds_file
    try:
        modified = path.stat().st_mtime_ns if path else 0
    except OSError:
        modified = 0
    return _read(path, modified)


@lru_cache(maxsize=2)
def _read(path: Path | None, modified: int) -> CloudsFile:
    found = read_clouds_file(path)
    for error in found.errors:
        log.error("%s", error)
    return found


def cloud_of(slug: str) -> Cloud:
    """Raises UnknownCloud."""
    try:
        return clouds()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def known_cloud(slug: str) -> Cloud | None:
    """The cloud, or None if the file no longer has it: for callers that need no endpoint of it."""
    return clouds().get(slug)


def server_of(slug: str) -> Server:
    """Raises UnknownCloud."""
    try:
        return servers()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def cloud_choices() -> list[tuple[str, str]]:
    return [(cloud.slug, cloud.label) for cloud in clouds().values()]


def server_choices() -> list[tuple[str, str]]:
    return [(server.slug, server.label) for server in servers().values()]
