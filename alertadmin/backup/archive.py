"""The file of a backup: a gzipped tar of a manifest, its seal, and the files that the manifest lists with their
SHA-256.

Manifest, JSON: `{"format": 2, "version": "0.1.0", "made_at": ISO, "database": "sqlite", "migrations":
["registry.0001_initial"], "keys": {"k1": 12}, "files": {"database": {"sha256": hex, "bytes": n}, "keys.json": {…}}}`.
`keys` counts the secrets encrypted with each key; "keys.json" is among the files only if the user chose so. Format 1
had no seal.

The file may come from an attacker. Before its seal was verified, no more is unpacked than the largest allowed manifest,
and afterwards no more than the manifest declares.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import os
import secrets
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from alertadmin.backup.seal import Seal
from alertadmin.crypto.keyring import KEY_ID

FORMAT = 2
UNSEALED = 1
"""The last format without a seal."""
MANIFEST = "manifest.json"
SEAL = "seal.json"
DATABASE = "database"
KEYS = "keys.json"
LARGEST_MANIFEST = 10_000_000
LARGEST_SEAL = 1_000
CHUNK = 1 << 20
AROUND = 64 * 1024
"""Bytes of a tar's headers and padding."""


class BadArchive(Exception):
    """The file is not a complete backup of alertadmin, or is of a newer version; the message is a sentence."""


@dataclass(frozen=True)
class Member:
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    version: str
    made_at: str
    database: str
    migrations: list[str]
    keys: dict[str, int]
    files: dict[str, Member]
    format: int = FORMAT

    @classmethod
    def parse(cls, written: bytes) -> Manifest:
        """Raises BadArchive if it is of a newer version; ValueError, TypeError or KeyError if it is not a manifest."""
        found = json.loads(written)
        if int(found["format"]) > FORMAT:
            raise BadArchive(
                _("This backup was made by a newer version of alertadmin (%(version)s). Install that version first.")
                % {"version": str(found.get("version", "?"))[:40]}
            )
        files = {str(name): Member(str(one["sha256"]), int(one["bytes"])) for name, one in found["files"].items()}
        if DATABASE not in files or set(files) - {DATABASE, KEYS} or min(one.bytes for one in files.values()) < 0:
            raise KeyError(DATABASE)
        manifest = cls(
            version=str(found["version"])[:40],
            made_at=str(found["made_at"]),
            database=str(found["database"])[:40],
            migrations=[str(name) for name in found["migrations"]],
            keys={str(key_id): int(count) for key_id, count in found["keys"].items()},
            files=files,
            format=int(found["format"]),
        )
        str(manifest.moment)
        return manifest

    @property
    def moment(self) -> datetime:
        """The time at which the backup was made. Raises ValueError."""
        return datetime.fromisoformat(self.made_at).astimezone(UTC)

    @property
    def secrets(self) -> int:
        return sum(self.keys.values())

    @property
    def total_bytes(self) -> int:
        """The size of all listed files, unpacked."""
        return sum(one.bytes for one in self.files.values())

    def written(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()


def described(file: Path) -> Member:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    return Member(digest.hexdigest(), file.stat().st_size)


def write(path: Path, manifest: bytes, seal: Seal | None, files: Mapping[str, Path]) -> None:
    """Write the archive with mode 600, completely or not at all. Raises OSError, FileExistsError if the file exists."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            with tarfile.open(fileobj=target, mode="w:gz", compresslevel=6) as tar:
                tar.addfile(_entry(MANIFEST, len(manifest)), BytesIO(manifest))
                if seal is not None:
                    words = json.dumps(asdict(seal)).encode()
                    tar.addfile(_entry(SEAL, len(words)), BytesIO(words))
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


class _Bounded:
    """A stream that unpacks at most `limit` bytes, independent of what the tar's headers declare."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self.limit = LARGEST_MANIFEST + LARGEST_SEAL + AROUND

    def read(self, size: int = -1) -> bytes:
        self._refuse_beyond(self._stream.tell() + size if size >= 0 else self.limit + 1)
        return self._stream.read(size)

    def seek(self, position: int, origin: int = os.SEEK_SET) -> int:
        if origin != os.SEEK_SET:
            raise ValueError(origin)
        self._refuse_beyond(position)
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()

    def _refuse_beyond(self, position: int) -> None:
        if position > self.limit:
            raise BadArchive(_("This is not a backup of alertadmin: it contains more than it declares."))


class Archive:
    """An open archive with a valid manifest. Only its seal shows whether the manifest is authentic."""

    def __init__(self, tar: tarfile.TarFile, stream: _Bounded, written: bytes) -> None:
        self._tar = tar
        self._stream = stream
        self.written = written
        """The manifest's bytes, over which the seal is computed."""
        self.manifest = Manifest.parse(written)
        self.seal = _parsed_seal(_content(tar, SEAL, LARGEST_SEAL)) if self.manifest.format > UNSEALED else None

    def extract(self, targets: Mapping[str, Path]) -> None:
        """Unpack every listed file, in the manifest's order, into a new file with mode 600. Raises BadArchive if a
        file is missing, differs or is not listed; OSError."""
        self._stream.limit += self.manifest.total_bytes + AROUND
        with _sentences():
            for name, wanted in self.manifest.files.items():
                self._extract(name, wanted, targets[name])
            if self._tar.next() is not None:
                raise BadArchive(_("This is not a backup of alertadmin: it contains more than it declares."))

    def _extract(self, name: str, wanted: Member, to: Path) -> None:
        digest, left = hashlib.sha256(), wanted.bytes
        content = _opened_member(self._tar, name)
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            while left >= 0 and (chunk := content.read(CHUNK)):
                left -= len(chunk)
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        if left or not hmac.compare_digest(digest.hexdigest(), wanted.sha256):
            raise BadArchive(
                _("The backup is damaged: %(name)s in it is not what was written. Take another copy.") % {"name": name}
            )


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a backup and read its manifest. Raises BadArchive, OSError."""
    with ExitStack() as stack:
        with _sentences():
            stream: Any = _Bounded(stack.enter_context(gzip.open(path, "rb")))
            tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r:"))
            archive = Archive(tar, stream, _content(tar, MANIFEST, LARGEST_MANIFEST))
        yield archive


def _opened_member(tar: tarfile.TarFile, name: str) -> Any:
    """Open the next member, which must have this name and be a plain file. Raises KeyError."""
    # tarfile reads the first member when it opens the archive.
    entry = tar.next()
    if entry is None or entry.name != name or entry.type != tarfile.REGTYPE or entry.issparse():
        raise KeyError(name)
    return tar.extractfile(entry)


def _content(tar: tarfile.TarFile, name: str, largest: int) -> bytes:
    content: bytes = _opened_member(tar, name).read(largest + 1)
    if len(content) > largest:
        raise KeyError(name)
    return content


def _parsed_seal(written: bytes) -> Seal:
    found = json.loads(written)
    seal = Seal(str(found["key"]), str(found["ring"]), str(found["mac"]))
    if not KEY_ID.fullmatch(seal.key) or not (seal.ring + seal.mac).isascii():
        raise ValueError(SEAL)
    return seal


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (
        *(tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile),
        *(ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError),
    ) as error:
        reason = type(error).__name__
        raise BadArchive(_("This is not a complete backup of alertadmin (%(why)s).") % {"why": reason}) from None
