"""A stored and used secret leaves no trace but its ciphertext in anything that a thief could copy."""

from __future__ import annotations

import base64
import html
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import redis
import requests
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sandbox.control.client import Control
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer
from tests.supervisor.installation import Installation, eventually

pytestmark = [pytest.mark.crash, pytest.mark.control(1, 2, 3, 4, 6, 65, 68)]

PASSWORD = "correct horse battery staple"
WEBHOOK = "canary-token-of-the-duty-room-5f1b2c3d"
ACCESS_TOKENS = "EwB4ZXlK"
"""How the sandbox's access tokens of personal accounts begin."""
PLANT = "canary-Winter-2026-at-the-plant"


def shapes(value: str) -> set[bytes]:
    """How a value may stand somewhere: as it is, encoded, or dressed for an address, a page or a JSON text."""
    plain = value.encode()
    in_base64 = {base64.b64encode(b"\0" * shift + plain)[(4 if shift else 0) : -4] for shift in range(3)}
    return {
        plain,
        plain[::-1],
        plain.hex().encode(),
        value.encode("utf-16-le"),
        value.encode("utf-16-be"),
        quote(value, safe="").encode(),
        html.escape(value).encode(),
        json.dumps(value)[1:-1].encode(),
        *in_base64,
    }


class Browser:
    """Just enough of one: cookies, and forms with their token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.pages: dict[str, bytes] = {}

    def get(self, path: str) -> str:
        answer = self.session.get(self.url + path, timeout=30)
        self._keep(answer)
        return answer.text

    def post(self, path: str, **fields: object) -> requests.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path))
        assert token, path
        answer = self.session.post(
            self.url + path,
            data={**fields, "csrfmiddlewaretoken": token[1]},
            headers={"Referer": self.url + path},
            timeout=60,
        )
        self._keep(answer)
        return answer

    def act(self, page: str, path: str, **fields: object) -> requests.Response:
        """Presses a button of a page that posts elsewhere."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page))
        assert token, page
        data = {**fields, "csrfmiddlewaretoken": token[1]}
        answer = self.session.post(self.url + path, data=data, headers={"Referer": self.url + page}, timeout=60)
        self._keep(answer)
        return answer

    def _keep(self, answer: requests.Response) -> None:
        for one in (*answer.history, answer):
            self.pages[one.url] = f"{one.url} {dict(one.headers)}".encode() + one.content

    def crawl(self) -> None:
        """Every page that links lead to, from the overview on."""
        waiting = ["/"]
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path in seen or len(seen) > 400:
                continue
            seen.add(path)
            links = re.findall(r'href="(/[^"#]*)"', self.get(path))
            waiting += [link for link in map(html.unescape, links) if not link.startswith(("/static", "/sign-out"))]


@pytest.fixture(scope="module", params=["json", pytest.param("text", marks=pytest.mark.slow)])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """It logs at DEBUG, in either format: both write the same records by the same redaction."""
    folder = tmp_path_factory.mktemp("canary") / "data"
    installation = Installation(
        folder,
        "--demo",
        "--data",
        str(folder),
        ALERTADMIN_LOG_LEVEL="DEBUG",
        ALERTADMIN_LOG_FORMAT=request.param,
    )
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        installation.stop()


def test_a_secret_is_found_nowhere_once_it_was_stored_and_used(installation: Installation) -> None:
    browser = Browser(installation.url)
    told = to_register(installation)
    key = re.search(r"_sandbox/mailbox/\?key=(\S+)", installation.text)
    assert key
    control = Control(sandbox_url(installation), installation.data_dir / "sandbox" / "ca.pem", key=key[1])
    first_administrator(browser, installation)
    app = register(browser, told)
    assert "granted" in browser.act(app, f"{app}consent/check/").text
    mailbox = re.search(r'href="(/mailboxes/[0-9a-f-]{36}/)"', browser.get(app))
    assert mailbox
    for way in ("graph", "ews", "smtp"):
        browser.act(mailbox[1], f"{mailbox[1]}test/", recipient="ada@lakeside.example", transport=way)
    on_premises(browser, control)
    by_channels(browser)
    assert eventually(lambda: sent_as_test(control) == 4, seconds=60), installation.text
    tokens = by_a_personal_account(installation, browser, control, told["Personal account"], app)
    browser.post("/diagnosis/", text=f"AADSTS7000215 {told['Secret value'][:3]}")
    browser.crawl()
    for canary in (told["Secret value"], PLANT, WEBHOOK, *tokens, ACCESS_TOKENS):
        assert traces(canary, installation, browser) == []
    assert_log_is_clean(installation)


def assert_log_is_clean(installation: Installation) -> None:
    """It says what was done, by whole lines without names of users."""
    lines = (installation.data_dir / "logs" / "alertadmin.log").read_text(encoding="utf-8").splitlines()
    assert all(line.isprintable() for line in lines)
    assert any("http.request" in line for line in lines)
    assert any("process.started" in line for line in lines)
    assert not [line for line in lines if "ada@lakeside" in line or "alarms@lakeside" in line]


def sent_as_test(control: Control) -> int:
    """She is an owner too, and is told of what she changes."""
    to_ada = [one for one in control.ledger.messages() if "ada@lakeside.example" in one["to"]]
    return sum("Subject: Test " in one["mime"] for one in to_ada)


def to_register(installation: Installation) -> dict[str, str]:
    text = (installation.data_dir / "sandbox" / "to-register.txt").read_text()
    return {label.strip(): value.strip() for label, value in (line.split(":", 1) for line in text.splitlines())}


def sandbox_url(installation: Installation) -> str:
    found = re.search(r"(https://\S+?)/_sandbox", installation.text)
    assert found
    return found[1]


def first_administrator(browser: Browser, installation: Installation) -> None:
    path = installation.link.removeprefix(installation.url)
    browser.post(path, email="ada@lakeside.example", password=PASSWORD, name="Ada", time_zone="UTC")
    assert "Action required" in browser.get("/")


def register(browser: Browser, told: dict[str, str]) -> str:
    """Returns the path of the new app's page. The secret is kept over a wrong date first."""
    fields: dict[str, object] = {
        "tenant-name": told["Name"],
        "tenant-directory_id": told["Directory (tenant) ID"],
        "tenant-cloud": "lab",
        "tenant-time_zone": "UTC",
        "app-name": told["App name"],
        "app-client_id": told["Application (client) ID"],
        "app-audience": "AzureADandPersonalMicrosoftAccount",
        "app-permissions": ["Mail.Send", "full_access_as_app", "SMTP.SendAsApp"],
        "secret-value": told["Secret value"],
        "secret-description": "ALERT server",
        "secret-expires_at": told["Secret ends"],
        "mailbox-address": told["Mailbox"],
        "mailbox-transport": "graph",
    }
    refused = browser.post("/register/", **{**fields, "secret-expires_at": "soon"})
    kept = re.search(r'name="kept-secret-value"\s+value="([^"]+)"', refused.text)
    assert kept, refused.text
    answer = browser.post("/register/", **{**fields, "secret-value": "", "kept-secret-value": kept[1]})
    path = answer.url.removeprefix(browser.url)
    assert path.startswith("/apps/"), answer.text
    return path


def on_premises(browser: Browser, control: Control) -> None:
    """A mailbox on premises whose password is a canary, and a test from it."""
    control.directory.add_login("PLANT\\svc", PLANT)
    (tenant,) = re.findall(
        r'<option value="([0-9a-f-]{36})"[^>]*>Lakeside Water', browser.get("/mailboxes/add-on-premises/")
    )
    answer = browser.post(
        "/mailboxes/add-on-premises/",
        address="alarms@lakeside.example",
        tenant=tenant,
        server="onprem",
        username="PLANT\\svc",
        new_password=PLANT,
        login_kind="ntlm",
    )
    path = answer.url.removeprefix(browser.url)
    assert path.startswith("/mailboxes/"), answer.text
    browser.act(path, f"{path}test/", recipient="ada@lakeside.example")


def by_a_personal_account(
    installation: Installation, browser: Browser, control: Control, account: str, app: str
) -> list[str]:
    """One that signs in by device code and sends: the device code, and the refresh tokens before and after a use."""
    added = browser.post("/mailboxes/add-personal/", address=account, app=app.split("/")[2], transport="graph")
    page = added.url.removeprefix(browser.url)
    assert page.endswith("/sign-in/"), added.text
    tokens = [opened(installation, "signin", "device_code")]
    code = re.search(r">([A-Z2-9]{8})<", added.text)
    assert code
    form = {"otc": code[1], "account": account, "decision": "accept"}
    with requests.Session() as phone:
        phone.trust_env, phone.verify = False, str(installation.data_dir / "sandbox" / "ca.pem")
        phone.post(f"{sandbox_url(installation)}/link", data=form, timeout=30)
    assert eventually(lambda: "sign-in/confirm/" in browser.act(page, f"{page}ask/").text, seconds=60)
    assert "Sign in again" in browser.act(page, f"{page}confirm/").text
    tokens.append(opened(installation, "mailbox", "refresh_token"))
    mailbox = page.removesuffix("sign-in/")
    browser.act(mailbox, f"{mailbox}test/", recipient="ada@lakeside.example")
    assert eventually(lambda: sent_as_test(control) == 5, seconds=60), installation.text
    tokens.append(opened(installation, "mailbox", "refresh_token"))
    assert len({*tokens}) == 3
    return tokens


def opened(installation: Installation, model: str, field: str) -> str:
    """A value that the database holds sealed, by the key ring of the data folder."""
    with closing(sqlite3.connect(installation.data_dir / "alertadmin.sqlite3")) as database:
        row, sealed = database.execute(f"SELECT id, {field} FROM registry_{model} WHERE {field} IS NOT NULL").fetchone()
    _version, key_id, *digest, token = sealed.split(".")
    key = json.loads((installation.data_dir / "keys.json").read_text())["keys"][key_id]
    data = base64.b64decode(token)
    bound_to = f"registry.{model}:{field}:".encode() + UUID(row).bytes + b"".join(f":{one}".encode() for one in digest)
    return AESGCM(base64.b64decode(key)).decrypt(data[:12], data[12:], bound_to).decode()


def by_channels(browser: Browser) -> None:
    """Two channels whose addresses hold a canary, told and refused: a webhook, and one that apprise calls."""
    with HttpServer() as receiver:
        receiver.routes[""] = reply(404, f"there is no /{WEBHOOK} here")
        for kind, address in (
            ("webhook", f"http://127.0.0.1:{receiver.port}/{WEBHOOK}"),
            ("other", f"json://duty:{WEBHOOK}@127.0.0.1:{receiver.port}/hook"),
        ):
            browser.post(f"/channels/add/?kind={kind}", id=str(uuid4()), name=kind, line="1", new_address=address)
            path = re.search(rf'href="(/channels/[0-9a-f-]+/)">{kind}', browser.get("/channels/"))
            assert path
            test = browser.act(path[1], f"{path[1]}test/").url.removeprefix(browser.url)
            assert eventually(lambda test=test: "does not know this address" in browser.get(test), seconds=60)  # type: ignore[misc]
        assert len(receiver.requests) == 2
        assert WEBHOOK in receiver.requests[0].path


def traces(canary: str, installation: Installation, browser: Browser) -> list[str]:
    """Where the canary appears, in any encoding. The sandbox, which is Microsoft here, knows its own secrets."""
    wanted = shapes(canary)
    places: dict[str, bytes] = dict(browser.pages)
    places["stdout"] = installation.text.encode()
    for file in installation.data_dir.rglob("*"):
        if file.is_file() and "sandbox" not in file.relative_to(installation.data_dir).parts:
            places[str(file)] = file.read_bytes()
    for pid in installation.processes():
        if "-m sandbox" not in installation.processes().get(pid, ""):
            for name in ("cmdline", "environ"):
                places[f"/proc/{pid}/{name}"] = _read(Path(f"/proc/{pid}/{name}"))
    places["valkey"] = _valkey(installation.data_dir / "broker.sock")
    assert any("alertadmin.sqlite3" in name for name in places)
    assert len(browser.pages) > 40
    return [name for name, content in places.items() if any(shape in content for shape in wanted)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it ended meanwhile


def _valkey(socket: Path) -> bytes:
    client: Any = redis.Redis(unix_socket_path=str(socket))
    with client:
        return b"\n".join(client.dump(key) or b"" for key in client.scan_iter())
