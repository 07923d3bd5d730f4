"""26: a new key file beside the database instead of at the target of the key file's link. The file is written in place,
atomically: no link, mount, mode or killed process loses or exposes a key.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alertadmin.crypto import envelope
from alertadmin.crypto.keyring import FileStorage, KeyringError, generate_key

pytestmark = pytest.mark.control(97)


def key_file(path: Path) -> FileStorage:
    return FileStorage(path, envelope.NoEnvelope())


def add(file: FileStorage) -> None:
    file.change(lambda content: content.update(primary=generate_key(content)))


def ids(path: Path) -> set[str]:
    return set(json.loads(path.read_text())["keys"])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A key file in a folder of its own."""
    (tmp_path / "keys").mkdir(mode=0o700)
    path = tmp_path / "keys" / "ring.json"
    key_file(path).create()
    return path


def link_to(target: Path, folder: Path, *, steps: int = 1, relative: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    for step in range(steps):
        link = folder / f"keys-{step}.json"
        link.symlink_to(os.path.relpath(target, folder) if relative else target)
        target = link
    return target


@pytest.mark.parametrize(("steps", "relative"), [(1, False), (1, True), (3, False)])
def test_26_a_link_stays_and_the_file_it_leads_to_is_written(
    kept: Path, tmp_path: Path, steps: int, relative: bool
) -> None:
    link = link_to(kept, tmp_path / "data", steps=steps, relative=relative)
    before = ids(kept)
    add(key_file(link))
    assert link.is_symlink()
    assert before < ids(kept)
    assert [one.name for one in kept.parent.iterdir()] == ["ring.json"]
    assert all(one.is_symlink() for one in link.parent.iterdir())


def test_26_a_link_to_a_folder_on_the_way_is_followed_too(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(kept.parent)
    add(key_file(tmp_path / "current" / kept.name))
    assert len(ids(kept)) == 2


def test_26_a_link_to_nothing_makes_the_file_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    link = link_to(tmp_path / "keys" / "ring.json", tmp_path / "data")
    key_file(link).create()
    assert link.is_symlink()
    assert len(ids(tmp_path / "keys" / "ring.json")) == 1
    with pytest.raises(FileExistsError):
        key_file(link).create()


def test_26_a_link_to_itself_is_told(tmp_path: Path) -> None:
    link = tmp_path / "keys.json"
    link.symlink_to(link)
    with pytest.raises(KeyringError):
        key_file(link).write({"keys": {}})


def test_26_a_second_hard_link_is_refused_with_nothing_changed(kept: Path) -> None:
    os.link(kept, kept.with_name("copy.json"))
    before = kept.read_bytes()
    with pytest.raises(KeyringError, match="second name"):
        add(key_file(kept))
    assert kept.read_bytes() == before
    assert {one.name for one in kept.parent.iterdir()} == {"ring.json", "copy.json"}


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_26_mode_and_owner_stay_whatever_the_umask(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    before, mask = kept.stat(), os.umask(0)
    try:
        add(key_file(kept))
    finally:
        os.umask(mask)
    after = kept.stat()
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV])
@pytest.mark.parametrize("call", ["open", "replace"])
def test_26_what_cannot_be_replaced_is_told_and_stays(
    kept: Path, call: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only mount, another account's folder, a file that is a mount of its own."""
    before, real = kept.read_bytes(), getattr(os, call)

    def fails(path: Any, *more: Any, **named: Any) -> Any:
        if Path(os.fspath(path)).name.startswith(".ring.json."):
            raise OSError(code, os.strerror(code), path)
        return real(path, *more, **named)

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(KeyringError, match="cannot be replaced where it is"):
        add(key_file(kept))
    assert kept.read_bytes() == before
    assert [one.name for one in kept.parent.iterdir()] == ["ring.json"]


POINTS = ["open", "fdopen", "fchown", "fchmod", "fsync", "replace", "link", "close"]
"""Calls at which a process is killed: before each time that it makes one of them, and after."""


def killed(work: Callable[[], object], call: str, nth: int, *, after: bool) -> bool:
    """Does `work` in a process that ends at the nth such call; whether it did end there."""
    child = os.fork()
    if not child:
        seen, real = 0, getattr(os, call)

        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == nth and not after:
                os._exit(9)
            found = real(*arguments, **named)
            if seen == nth:
                os._exit(9)
            return found

        try:
            setattr(os, call, counted)
            work()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 9


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", POINTS)
def test_26_no_killed_writer_loses_a_key(kept: Path, call: str, after: bool) -> None:
    file = key_file(kept)
    for nth in range(1, 20):
        before = ids(kept)
        if not killed(lambda: add(file), call, nth, after=after):
            break
        ring = file.load()
        assert before <= set(ring.ciphers)
        assert ring.primary in ring.ciphers
        assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in kept.parent.iterdir())
    add(file)
    assert [one.name for one in kept.parent.iterdir()] == ["ring.json"], "what was left behind held keys"


def test_26_a_restored_key_file_is_put_where_the_link_leads_and_the_old_one_is_kept(kept: Path, tmp_path: Path) -> None:
    link = link_to(kept, tmp_path / "data")
    old = kept.read_bytes()
    key_file(link).replace(b'{"primary": "k1"}', tmp_path / "aside")
    assert link.is_symlink()
    assert kept.read_bytes() == b'{"primary": "k1"}'
    copy = tmp_path / "aside" / link.name
    assert copy.read_bytes() == old
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
