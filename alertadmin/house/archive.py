"""A backup's file: a gzipped tar of a manifest and of what it lists, each with its SHA-256.

Manifest, JSON: `{"format": 1, "version": "0.1.0", "made_at": ISO, "database": "sqlite", "migrations":
["registry.0001_initial"], "keys": {"k1": 12}, "files": {"database": {"sha256": hex, "bytes": n}, "keys.json": {…}}}`.
`keys` says how many secrets are sealed with which key; "keys.json" is among the files only where it was asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
KEYS = "keys.json"
LARGEST_MANIFEST = 10_000_000
CHUNK = 1 << 20


class BadArchive(Exception):
    """It is no backup of ours, or not a whole one, or of a newer version; the message is a sentence."""


@dataclass(frozen=True)
class Manifest:
    version: str
    made_at: str
    database: str
    migrations: list[str]
    keys: dict[str, int]
    files: dict[str, dict[str, Any]]
    format: int = FORMAT

    @property
    def moment(self) -> datetime:
        """When it was made. Raises ValueError."""
        return datetime.fromisoformat(self.made_at).astimezone(UTC)

    @property
    def secrets(self) -> int:
        return sum(self.keys.values())


def described(file: Path) -> dict[str, Any]:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    return {"sha256": digest.hexdigest(), "bytes": file.stat().st_size}


def write(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Of mode 600, whole or not at all, never over another file. Raises OSError (FileExistsError)."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            with tarfile.open(fileobj=target, mode="w:gz", compresslevel=6) as tar:
                words = json.dumps(asdict(manifest), indent=1).encode()
                tar.addfile(_entry(MANIFEST, len(words)), BytesIO(words))
                for name, file in files.items():
                    with file.open("rb") as content:
                        tar.addfile(_entry(name, file.stat().st_size), content)
            target.flush()
            os.fsync(target.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


class Archive:
    """One that was opened: its manifest makes sense."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar = tar
        self.manifest = manifest

    def extract(self, name: str, to: Path) -> None:
        """Into a new file of mode 600; only if it is what the manifest says. Raises BadArchive, OSError."""
        wanted, digest, length = self.manifest.files[name], hashlib.sha256(), 0
        with _sentences(), os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            content = self._tar.extractfile(self._tar.getmember(name))
            while content and (chunk := content.read(CHUNK)):
                length += len(chunk)
                if length > int(wanted["bytes"]):
                    break
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != wanted["sha256"] or length != wanted["bytes"]:
            raise BadArchive(
                _("The backup is damaged: %(name)s in it is not what was written. Take another copy.") % {"name": name}
            )


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Raises BadArchive, OSError."""
    with _sentences(), tarfile.open(path, mode="r:gz") as tar:
        first = tar.next()
        content = tar.extractfile(first) if first and first.name == MANIFEST and first.isfile() else None
        if content is None:
            raise KeyError(MANIFEST)
        found = json.loads(content.read(LARGEST_MANIFEST))
        if int(found["format"]) > FORMAT:
            raise BadArchive(
                _("This backup was made by a newer version of alertadmin (%(version)s). Install that version first.")
                % {"version": found.get("version", "?")}
            )
        manifest = Manifest(**found)
        str(manifest.moment)
        if DATABASE not in manifest.files:
            raise KeyError(DATABASE)
        for described_file in manifest.files.values():
            str(described_file["sha256"]), int(described_file["bytes"])
        yield Archive(tar, manifest)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = type(error).__name__
        raise BadArchive(_("This is no whole backup of alertadmin (%(why)s).") % {"why": reason}) from None
