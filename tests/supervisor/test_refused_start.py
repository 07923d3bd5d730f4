"""Each refused start prints one sentence that says what to do."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.commands.fork_server import PATIENCE
from tests.commands.installation import fork_server
from tests.supervisor.installation import PROJECT, clean_environ, free_port

OPTIONS = [
    (["--port", "0"], 'must be "address:port"'),
    (["--port", "99999"], 'must be "address:port"'),
    (["--port", "-1"], 'must be "address:port"'),
    (["--host", ""], "--host has no value"),
    (["--host", " "], "--host has no value"),
    (["--host", "127.0.0.1:80"], 'must be "address:port"'),
    (["--host", "a b"], 'must be "address:port"'),
    (["--host", "http://localhost"], 'must be "address:port"'),
    (["--host", "300.1.1.1"], "is no address of this machine"),
    (["--host", "192.0.2.1"], "is no address of this machine"),
    (["--host", "2001:db8::1"], "is no address of this machine"),
    (["--host", "a" * 300], 'must be "address:port"'),
    (["--host", "é..example"], 'must be "address:port"'),
    (["--data", ""], "--data has no value"),
    (["--data", "/dev/null"], "a file is in its place"),
    (["--data", "/proc/alertadmin"], "cannot be written"),
]


ALWAYS = (0, 3, 8, 13, 14)
"""One of OPTIONS for each kind of refusal."""


@pytest.mark.parametrize(
    ("options", "why"),
    [
        pytest.param(*one, id=" ".join(one[0])[:30], marks=() if number in ALWAYS else pytest.mark.slow)
        for number, one in enumerate(OPTIONS)
    ],
)
def test_invalid_option_is_refused(tmp_path: Path, options: list[str], why: str) -> None:
    refused = up(tmp_path / "data", *options)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert why in refused.stderr


@pytest.mark.parametrize("kilobytes", [0, pytest.param(16, marks=pytest.mark.slow), 200])
def test_full_disk_is_refused(tmp_path: Path, kilobytes: int) -> None:
    """Limit the size of all files."""
    refused = up(tmp_path / "data", "--port", str(free_port()), file_limit=kilobytes * 1024)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert "cannot be used" in refused.stderr


SETTINGS = [
    {"PUBLIC_URL": "https://host.example/alertadmin", "LANGUAGE": "de"},
    {"HTTPS_PROXY": "http://jdoe:canary#word@proxy.example:3128"},
    {"DATABASE_URL": "postgres://jdoe:canary/word@db.example/name"},
]


@pytest.mark.parametrize(
    "values", [SETTINGS[0], *(pytest.param(values, marks=pytest.mark.slow) for values in SETTINGS[1:])], ids=str
)
def test_up_and_check_refuse_a_setting_in_the_same_words(tmp_path: Path, values: dict[str, str]) -> None:
    given = {f"ALERTADMIN_{name}": value for name, value in values.items()}
    answers = [
        run(tmp_path / "data", *command, given=given)
        for command in (["up"], ["check"], ["check", "--deploy"], ["diagnose"])
    ]
    assert {answer.returncode for answer in answers} == {1}
    assert len({answer.stderr for answer in answers}) == 1
    lines = answers[0].stderr.splitlines()
    assert [line.split()[0] for line in lines] == list(given)
    assert "canary" not in answers[0].stderr
    assert not (tmp_path / "data").exists()


def up(data_dir: Path, *options: str, file_limit: int | None = None) -> subprocess.CompletedProcess[str]:
    return run(data_dir, "up", *options, file_limit=file_limit)


def run(
    data_dir: Path, *command: str, file_limit: int | None = None, given: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environ = {**clean_environ(data_dir), **(given or {})}
    if file_limit is None:
        code, out, err = fork_server().run(command, environ)
        return subprocess.CompletedProcess(command, code, out.decode(), err.decode())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.run(
        [sys.executable, "-B", str(PROJECT / "manage.py"), *command],
        env=environ,
        preexec_fn=limit,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
