"""The clouds of this installation: Microsoft's own, and those of the operator's clouds file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from mailer.clouds import Cloud, load_clouds


class UnknownCloud(LookupError):
    def __init__(self, slug: str) -> None:
        super().__init__(f'The cloud "{slug}" is unknown here. Does ALERTADMIN_CLOUDS_FILE still name it?')


def clouds() -> dict[str, Cloud]:
    """By slug. Raises mailer.clouds.CloudsFileError."""
    path: Path | None = settings.ENVIRONMENT.clouds_file
    return _load(path, path.stat().st_mtime_ns if path and path.exists() else 0)


@lru_cache(maxsize=2)
def _load(path: Path | None, modified: int) -> dict[str, Cloud]:
    return load_clouds(path)


def cloud_of(slug: str) -> Cloud:
    try:
        return clouds()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def cloud_choices() -> list[tuple[str, str]]:
    return [(cloud.slug, cloud.label) for cloud in clouds().values()]
