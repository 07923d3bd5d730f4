"""14: a start and a migration restore the triggers of the audit trail, and record it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alertadmin.audit.triggers import SQLITE
from tests.commands.installation import fork_server
from tests.supervisor.installation import clean_environ

pytestmark = pytest.mark.control(60)


def rows(folder: Path, query: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(folder / "alertadmin.sqlite3", isolation_level=None)) as database:
        return database.execute(query).fetchall()


@pytest.mark.parametrize("words", [["up", "--setup"], ["migrate"]], ids=" ".join)
def test_14_dropped_triggers_are_restored_and_recorded(words: list[str], prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    rows(folder, "DROP TRIGGER audit_stays")
    for _twice in range(2):
        code, _out, err = fork_server().run(words, clean_environ(folder))
        assert code == 0, err
        assert {name for (name,) in rows(folder, "SELECT name FROM sqlite_master WHERE type = 'trigger'")} == set(
            SQLITE
        )
        said = rows(folder, "SELECT details FROM accounts_auditentry WHERE act = 'audit.unguarded'")
        assert [json.loads(one) for (one,) in said] == [{"triggers": {"audit_stays": "missing"}}], "once"
