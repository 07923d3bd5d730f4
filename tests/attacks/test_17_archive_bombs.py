"""17: archives that unpack to more than they declare."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from alertadmin.backup import archive
from tests.attacks.test_17_backup import write
from tests.commands.conftest import (  # noqa: F401
    backup,
    customers,
    elsewhere,
    fresh,
    installation,
    its_own_programs,
    prepared,
    used,
)

pytestmark = [pytest.mark.postgresql, pytest.mark.control(95), pytest.mark.usefixtures("its_own_programs")]


def tar(*entries: tuple[str, bytes, int]) -> bytes:
    """Name, kind of entry, and a length of zeros: packed to a thousandth."""
    target = io.BytesIO()
    with gzip.open(target, "wb", compresslevel=1) as packed:
        for name, kind, length in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = length, kind
            packed.write(entry.tobuf(tarfile.USTAR_FORMAT))
            for _chunk in range(length // MEGABYTE):
                packed.write(bytes(MEGABYTE))
        packed.write(bytes(1024))
    return target.getvalue()


MEGABYTE = 1 << 20
LARGE = 200 * MEGABYTE
BOMBS = {
    "a manifest": [("manifest.json", tarfile.REGTYPE, LARGE)],
    "a header of pax": [("x", tarfile.XHDTYPE, LARGE), ("manifest.json", tarfile.REGTYPE, 0)],
    "a global header of pax": [("x", tarfile.XGLTYPE, LARGE), ("manifest.json", tarfile.REGTYPE, 0)],
    "a long name": [("x", tarfile.GNUTYPE_LONGNAME, LARGE), ("manifest.json", tarfile.REGTYPE, 0)],
    "headers before it": [("x", tarfile.XHDTYPE, 0)] * 5000,
    "another part first": [("x", tarfile.REGTYPE, LARGE), ("manifest.json", tarfile.REGTYPE, 0)],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_17_an_archive_is_unpacked_no_further_than_a_manifest_may_be_long(bomb: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.backup"
    path.write_bytes(tar(*BOMBS[bomb]))
    read = 0
    unpack = gzip.GzipFile.read

    def counted(file: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal read
        found = unpack(file, size)
        read += len(found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gzip.GzipFile, "read", counted)
        with pytest.raises(archive.BadArchive), archive.opened(path):
            pass
    assert read <= 2 * archive.LARGEST_MANIFEST


@pytest.mark.parametrize(
    "nested", ["[" * 100_000, '{"format":' * 50_000, '{"format": 1e999}', '{"format": ' + "9" * 5000]
)
def test_17_a_manifest_that_is_none_is_said_to_be_none(nested: str, tmp_path: Path) -> None:
    path = tmp_path / "nested.backup"
    write(path, {"manifest.json": nested.encode()})
    with pytest.raises(archive.BadArchive), archive.opened(path):
        pass
