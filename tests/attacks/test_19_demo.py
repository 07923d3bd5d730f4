"""19: a demo with production's keys and providers, whose pages show reset links to every account of the machine. It
uses nothing of an installation's environment, and its pages need the key of its start.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from alertadmin import environment
from alertadmin.demo import environment as demo_environment
from alertadmin.supervisor.errors import NotStarted
from sandbox import Sandbox
from sandbox.control.client import Control, ControlError
from sandbox.server.http_server import Request
from sandbox.server.page_lock import PageLock
from tests.supervisor.installation import PROJECT, clean_environ

pytestmark = pytest.mark.control(96)

PRODUCTION = "postgres://alertadmin:canary@db.corp.example/production"
OTHERS = {
    **dict.fromkeys(["PGHOST", "PGPASSWORD", "PGSERVICE", "DATABASE_URL", "REDIS_URL"], PRODUCTION),
    **dict.fromkeys(["HTTPS_PROXY", "http_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"], "canary"),
    **dict.fromkeys(["AZURE_CLIENT_SECRET", "VAULT_TOKEN", "VAULT_ADDR", "AWS_SECRET_ACCESS_KEY"], "canary"),
    **dict.fromkeys(["CELERY_BROKER_URL", "LD_PRELOAD", "KUBECONFIG", "SSH_AUTH_SOCK", "SECRET_KEY"], "canary"),
    "DJANGO_SETTINGS_MODULE": "canary.settings",
}
NAMED = re.compile(r"ALERTADMIN_([A-Z_]+)")


def variables() -> set[str]:
    """Each that this program or its documents name, by its whole name."""
    files = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md"), *(PROJECT / "alertadmin").rglob("*.py")]
    named = {name for file in files for name in NAMED.findall(file.read_text(encoding="utf-8"))}
    read = re.findall(r'get\("([A-Z_]+)"', (PROJECT / "alertadmin" / "environment.py").read_text(encoding="utf-8"))
    return {f"ALERTADMIN_{name}" for name in named | set(read)}


ADDED = {
    *("ALERTADMIN_DATA_DIR", environment.DEMO_PORTS, "SANDBOX_KEY"),
    *("ALERTADMIN_CLOUDS_FILE", "ALERTADMIN_SMTP_URL", "ALERTADMIN_INSIDE_TARGETS"),
}


def test_the_list_of_variables_is_no_empty_one() -> None:
    assert {"ALERTADMIN_KEYS", "ALERTADMIN_SIGN_IN_FILE", "ALERTADMIN_INSIDE_TARGETS"} <= variables()
    assert len(variables()) > 25


@pytest.mark.parametrize("name", sorted(variables() | set(OTHERS) | {"ALERTADMIN_OF_A_LATER_VERSION"}))
def test_19_no_variable_of_an_installation_reaches_a_demonstration(name: str, tmp_path: Path) -> None:
    value = OTHERS.get(name, "canary")
    made = demo_environment.environ({"PATH": "/bin", name: value}, tmp_path)
    if name.removeprefix("ALERTADMIN_") in environment.DEMONSTRATION - {"BIND"}:
        assert made[name] == value, "how it speaks, and nothing else"
    else:
        assert value not in made.values()
    assert made["PATH"] == "/bin"


@pytest.mark.parametrize("name", sorted(variables()))
def test_19_nor_does_one_in_the_folders_own_file(name: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{name}=canary\n")
    values = environment.read(demo_environment.environ({}, tmp_path)).values
    is_taken = name.removeprefix("ALERTADMIN_") in environment.DEMONSTRATION
    assert ("canary" in values.values()) == is_taken


BINDS = {
    **dict.fromkeys(["127.0.0.1:8080", "[::1]:8080", "localhost:8080"], True),
    **dict.fromkeys(
        ["0.0.0.0:8080", "10.1.2.3:80", "[::]:80", "alerts.corp.example:443", "127.0.0.1.x.example:1"], False
    ),
}


@pytest.mark.parametrize(("bind", "is_taken"), BINDS.items())
def test_19_where_production_listens_a_demonstration_does_not(bind: str, is_taken: bool, tmp_path: Path) -> None:
    assert ("ALERTADMIN_BIND" in demo_environment.environ({"ALERTADMIN_BIND": bind}, tmp_path)) == is_taken


def test_19_begun_again_it_finds_its_own_environment_and_no_exported_one_passes_for_it(tmp_path: Path) -> None:
    made = demo_environment.environ({"PATH": "/bin"}, tmp_path)
    assert demo_environment.environ(made, tmp_path) == made
    assert demo_environment.environ({**made, "ALERTADMIN_KEYS": "k1:canary"}, tmp_path) == made
    for name in ADDED - {"SANDBOX_KEY"}:
        assert "canary" not in demo_environment.environ({**made, name: "canary"}, tmp_path).values()
    assert demo_environment.environ({}, tmp_path)["SANDBOX_KEY"] != made["SANDBOX_KEY"], "another at each start"
    assert demo_environment.environ(made, tmp_path / "other")["SANDBOX_KEY"] != made["SANDBOX_KEY"]


def test_19_a_real_start_takes_nothing_of_a_demonstration(tmp_path: Path) -> None:
    made = demo_environment.environ({"PATH": "/bin"}, tmp_path)
    left = demo_environment.without(made)
    assert environment.DEMO_PORTS not in left
    assert "SANDBOX_KEY" not in left
    (tmp_path / ".env").write_text(f"{environment.DEMO_PORTS}=1,2,3\nSANDBOX_KEY=x\n")
    found = environment.read({"ALERTADMIN_DATA_DIR": str(tmp_path)})
    assert (found.sandbox, found.sandbox_key) == ("", "")


@pytest.mark.parametrize("options", [[], ["--setup"]])
def test_19_a_demonstrations_folder_is_refused_to_a_real_start(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    words = [sys.executable, "manage.py", "up", *options]
    done = subprocess.run(words, cwd=PROJECT, env=clean_environ(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds a demonstration" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["sandbox"]


def test_19_a_real_folder_is_refused_to_a_demonstration(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("x")
    with pytest.raises(NotStarted):
        demo_environment.environ({}, tmp_path)


KEY = "a-key-of-this-start"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("locked"), key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def session(locked: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(locked.ca_file)
        yield session


@pytest.mark.parametrize("path", ["", "mailbox/", "mailbox", "mailbox/ada@x.example", "mailbox/message/1", "nothing"])
def test_19_no_page_of_the_sandbox_opens_without_its_key(path: str, locked: Sandbox, session: requests.Session) -> None:
    url = f"{locked.url}/_sandbox/{path}"
    for asked in (url, f"{url}?key=", f"{url}?key=wrong", f"{url}?key={KEY}x"):
        assert session.get(asked, timeout=10).status_code == 403
    assert session.get(url, cookies={"sandbox-key": "wrong"}, timeout=10).status_code == 403
    assert session.get(url, headers={"Authorization": "Bearer wrong"}, timeout=10).status_code == 403


def test_19_the_printed_address_opens_all_of_them_and_the_key_leaves_the_address(
    locked: Sandbox, session: requests.Session
) -> None:
    answer = session.get(locked.mailbox_page, timeout=10)
    assert (answer.status_code, answer.url) == (200, f"{locked.url}/_sandbox/mailbox/")
    assert session.get(f"{locked.url}/_sandbox/mailbox/ada@x.example", timeout=10).status_code == 200
    cookie: Any = next(iter(session.cookies))
    assert (cookie.secure, cookie.path) == (True, "/_sandbox/")
    assert cookie.has_nonstandard_attr("HttpOnly")


def test_19_the_control_door_takes_the_key_and_no_cookie(locked: Sandbox, session: requests.Session) -> None:
    session.get(locked.mailbox_page, timeout=10)
    url = f"{locked.url}/_sandbox/directory/tenants"
    assert session.post(url, json={}, timeout=10).status_code == 403
    assert session.post(f"{url}?key={KEY}", json={}, timeout=10).status_code == 403
    with pytest.raises(ControlError, match="key is missing"):
        Control(locked.url, locked.ca_file).directory.tenants()
    assert Control(locked.url, locked.ca_file, key=KEY).directory.tenants() == []


@pytest.mark.parametrize("cookie", ["", ";;;", "sandbox-key", 'sandbox-key="', "\x00=1", "ß=ß", "sandbox-key=é"])
def test_19_what_is_no_cookie_is_no_key(cookie: str) -> None:
    answer = PageLock(KEY).refusal(Request("GET", "/_sandbox/", {"key": "é"}, {"cookie": cookie}, b""))
    assert answer is not None
    assert answer.status == 403
