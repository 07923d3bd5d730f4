"""The clouds and Exchange servers of this installation: Microsoft's own clouds, and what the operator's file adds."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from alertadmin.registry import sentences
from mailer.clouds import Cloud, Server
from mailer.clouds_file import load_clouds, load_servers


class UnknownCloud(LookupError):
    """A row names a cloud, or an Exchange server, that the operator's file no longer has."""

    def __init__(self, slug: str) -> None:
        super().__init__(sentences.UNKNOWN_CLOUD % {"cloud": slug})


def clouds() -> dict[str, Cloud]:
    """By slug. Raises mailer.clouds_file.CloudsFileError."""
    return _load(*_file())[0]


def servers() -> dict[str, Server]:
    """Exchange servers on premises, by slug. Raises mailer.clouds_file.CloudsFileError."""
    return _load(*_file())[1]


def _file() -> tuple[Path | None, int]:
    path: Path | None = settings.ENVIRONMENT.clouds_file
    return path, path.stat().st_mtime_ns if path and path.exists() else 0


@lru_cache(maxsize=2)
def _load(path: Path | None, modified: int) -> tuple[dict[str, Cloud], dict[str, Server]]:
    return load_clouds(path), load_servers(path)


def cloud_of(slug: str) -> Cloud:
    try:
        return clouds()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def known_cloud(slug: str) -> Cloud | None:
    """For what can be told without its doors."""
    return clouds().get(slug)


def server_of(slug: str) -> Server:
    try:
        return servers()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def cloud_choices() -> list[tuple[str, str]]:
    return [(cloud.slug, cloud.label) for cloud in clouds().values()]


def server_choices() -> list[tuple[str, str]]:
    return [(server.slug, server.label) for server in servers().values()]
