"""Secrets in files of their own, and the data folder's .env: read as people write them, or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertadmin import environment
from alertadmin.environment import BadEnvironment, Environment
from alertadmin.setting_table import SETTINGS

SECRETS = [setting for setting in SETTINGS if setting.is_secret and setting.name != "KEYS_TOKEN"]
VALUES = {
    "DATABASE_URL": "postgres://u:secret@h/n",
    "REDIS_URL": "redis://:secret@h",
    "KEYS": f"k1:{'A' * 43}=",
    "SECRET_KEY": "s" * 40,
    "HTTPS_PROXY": "http://u:secret@h",
}
OTHERWISE = "https://user:secret@host.example"

# Contents with one meaning: editors end a file with a line break, Windows begins it with a byte order mark.
# linuxserver/docker-netbox issue 21, docker-adguardhome-sync issue 6, docker-hedgedoc issue 31, docker-bookstack issue
# 122, docker-speedtest-tracker issue 23, moghtech/komodo issue 737, docker/docs issue 18204
WRITTEN = ["{}", "{}\n", "{}\r\n", "{}\n\n", "  {}  \n", "\ufeff{}\n"]


def read(folder: Path, **given: str) -> Environment:
    names = {f"ALERTADMIN_{name}": value for name, value in given.items()}
    return environment.read({"ALERTADMIN_DATA_DIR": str(folder), **names})


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.name)
@pytest.mark.parametrize("written", WRITTEN, ids=repr)
def test_a_secret_may_stand_in_a_file(tmp_path: Path, setting: object, written: str) -> None:
    name, file_form = setting.name, setting.file_form  # type: ignore[attr-defined]
    value = VALUES.get(name, OTHERWISE)
    (tmp_path / "secret").write_text(written.format(value), encoding="utf-8", newline="")
    assert read(tmp_path, **{file_form: str(tmp_path / "secret")}).get(name) == value


MISTAKES = [
    ("missing", "cannot be read: no such file"),
    ("folder", "is a folder"),
    ("empty", "is empty"),
    ("blank", "is empty"),
    ("two lines", "on one line"),
    ("binary", "UTF-8"),
    ("loop", "cannot be read: too many levels"),
]


@pytest.mark.parametrize(("kind", "why"), MISTAKES)
def test_a_file_that_cannot_be_used_refuses_the_start(tmp_path: Path, kind: str, why: str) -> None:
    path = tmp_path / "secret"
    content = {"empty": b"", "blank": b" \n", "two lines": b"canary\nb\n", "binary": b"\xff\xfe\x00"}
    if kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind != "missing":
        path.write_bytes(content.get(kind, b"canary"))
    with pytest.raises(BadEnvironment) as caught:
        read(tmp_path, SMTP_URL_FILE=str(path)).check()
    assert str(caught.value).startswith(f"ALERTADMIN_SMTP_URL_FILE: the file {path} ")
    assert why in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_value_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("smtp://h")
    with pytest.raises(BadEnvironment, match="both set: leave one out"):
        read(tmp_path, SMTP_URL="smtp://h", SMTP_URL_FILE=str(tmp_path / "secret")).check()


def test_the_token_of_a_vault_is_read_at_each_use(tmp_path: Path) -> None:
    """An agent renews it, and may write it only later."""
    found = read(tmp_path, KEYS_TOKEN_FILE=str(tmp_path / "later"))
    found.check()
    assert found.get("KEYS_TOKEN") == ""
    assert found.keys_token_file == tmp_path / "later"


LINES = [
    ("ALERTADMIN_LANGUAGE=fr", "fr"),
    ("export ALERTADMIN_LANGUAGE=fr", "fr"),
    ("ALERTADMIN_LANGUAGE = fr ", "fr"),
    ('ALERTADMIN_LANGUAGE="fr"', "fr"),
    ("\ufeffALERTADMIN_LANGUAGE=fr\r", "fr"),
    ("# ALERTADMIN_LANGUAGE=fr", "en"),
    ("  # a remark\n\nALERTADMIN_LANGUAGE=fr", "fr"),
]


@pytest.mark.parametrize(("line", "language"), LINES)
def test_lines_of_the_dotenv_file(tmp_path: Path, line: str, language: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8", newline="")
    found = read(tmp_path)
    found.check()
    assert found.language == language


@pytest.mark.parametrize("line", ["ALERTADMIN_LANGUAGE: fr", "canary", "ALERTADMIN-LANGUAGE=fr", "$env:A = fr"])
def test_a_line_of_another_form_is_said_and_not_dropped(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# settings\n{line}\n")
    with pytest.raises(BadEnvironment, match="line 2: write NAME=value") as caught:
        read(tmp_path).check()
    assert "canary" not in str(caught.value)


def test_a_dotenv_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"ALERTADMIN_LANGUAGE=\xff\n")
    with pytest.raises(BadEnvironment, match="not UTF-8"):
        read(tmp_path).check()
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    with pytest.raises(BadEnvironment, match="cannot be read"):
        read(tmp_path).check()
