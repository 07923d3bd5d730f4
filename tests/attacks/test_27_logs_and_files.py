"""27: control characters and bidirectional text in the log, by every source; and files that other accounts could read
because of the umask.
"""

from __future__ import annotations

import logging
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from alertadmin.operator_log.configuration import formatter
from alertadmin.supervisor.log_output import Output
from sandbox import Sandbox
from tests.supervisor.installation import PROJECT, clean_environ

pytestmark = pytest.mark.control(54)

UNCLEAN = [one for one in map(chr, range(0x20000)) if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")]
"""Controls, formats (U+202E among them), halves of pairs, line and paragraph separators, private ones."""
TEXT = "x".join(UNCLEAN)
OURS = "2026-11-24T08:00:00.000Z INFO web scan.finished "


def formatted(name: str, text: str) -> str:
    record = logging.LogRecord("alertadmin.x", logging.INFO, "f", 1, "said %s by %s", (text, "ada"), None)
    record.__dict__["name"] = "alertadmin.x"
    return formatter(name).format(record)


def by_exception(name: str, text: str) -> str:
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("alertadmin.x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
        return formatter(name).format(record)


WAYS: dict[str, Callable[[str, str], str]] = {"a line": formatted, "a traceback": by_exception}


@pytest.mark.parametrize("name", ["text", "json"])
@pytest.mark.parametrize("way", WAYS)
def test_27_no_such_character_reaches_the_log(way: str, name: str) -> None:
    assert len(UNCLEAN) > 200
    for line in WAYS[way](name, TEXT).split("\n"):
        assert line.isprintable()


@pytest.mark.parametrize("name", ["text", "json"])
@pytest.mark.parametrize("begins", ["", OURS, '{"level": "INFO", "message": "'])
def test_27_nor_by_what_a_program_prints(
    name: str, begins: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output(tmp_path / "logs", name)
    printed = TEXT.replace("\n", "").encode("utf-8", "replace").decode()
    output.write_line("broker", begins + printed)
    output.close()
    for place in ((tmp_path / "logs" / "alertadmin.log").read_text(encoding="utf-8"), capsys.readouterr().out):
        assert place.count("\n") == 1
        assert place.rstrip("\n").isprintable()


def test_27_what_commands_write_is_their_owners_alone_whatever_the_umask(
    tmp_path: Path, running_sandbox: Sandbox
) -> None:
    folder = tmp_path / "data"
    environ = clean_environ(folder, ALERTADMIN_CLOUDS_FILE=str(running_sandbox.clouds_file))
    for words in (["send_reminders"], ["backup", str(folder / "a.backup")], ["rotate_keys", "--new-key"]):
        subprocess.run([sys.executable, "manage.py", *words], cwd=PROJECT, env=environ, check=True, umask=0)
    found = {path.relative_to(folder): stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert {Path("keys.json"), Path("secret_key"), Path("alertadmin.sqlite3"), Path("a.backup")} <= set(found)
    assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}
