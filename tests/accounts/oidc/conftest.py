"""A tenant at the sandbox, an installation that lets its people in, and a browser that goes back and forth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.conf import settings as configured
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from sandbox import Sandbox
from sandbox.state.models import SandboxApp, SandboxPerson, SandboxTenant
from tests.conftest import set_environment

OPERATORS, VIEWERS, OWNERS = (f"aaaaaaaa-0000-0000-0000-00000000000{digit}" for digit in "123")
CUSTOMER = "cccccccc-0000-4000-8000-000000000001"


@dataclass
class Entra:
    """Who comes by it, and how."""

    sandbox: Sandbox
    tenant: SandboxTenant
    app: SandboxApp
    person: SandboxPerson
    file: Path
    client: Client = field(default_factory=Client)

    def begin(self, **form: str) -> str:
        """The address of the provider's page, for this browser."""
        page = self.client.post("/sign-in/with/northpark/", form)
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.content.decode())
        assert found, page.content.decode()
        return unescape(found[1])

    def decide(self, address: str, decision: str = "accept", person: SandboxPerson | None = None) -> str:
        """Where the provider sends the browser to."""
        form = {"account": (person or self.person).object_id, "decision": decision}
        answer = requests.post(address, data=form, allow_redirects=False, timeout=10, verify=str(self.sandbox.ca_file))
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def come_back(self, location: str) -> HttpResponse:
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}" == configured.PUBLIC_URL
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self.client.get(parts.path, query)  # type: ignore[return-value]

    def sign_in(self, **form: str) -> HttpResponse:
        return self.come_back(self.decide(self.begin(**form)))

    def told(self) -> str:
        """What the page says that the browser was led to."""
        return self.client.get("/sign-in/").content.decode()

    @property
    def is_in(self) -> bool:
        return self.client.get("/profile/").status_code == 200

    def write(self, **changes: Any) -> None:
        """The sign-in file anew."""
        values = {
            "label": "Northpark",
            "entra_tenant": self.tenant.directory_id,
            "cloud": "lab",
            "client_id": self.app.client_id,
            "client_secret_env": "OIDC_SECRET",
            **changes,
        }
        lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
        groups = [
            f'"{OPERATORS}" = "operator"',
            f'"{OWNERS}" = "owner"',
            f'"{VIEWERS}" = {{ role = "viewer", tenant = "{CUSTOMER}" }}',
            '"app-operators" = "operator"',
        ]
        fresh = self.file.with_suffix(".new")
        fresh.write_text("\n".join(["[northpark]", *lines, "[northpark.groups]", *groups, ""]))
        fresh.replace(self.file)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


@pytest.fixture
def entra(
    db: None, sandbox: Sandbox, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Entra]:
    tenant = sandbox.directory.add_tenant("Northpark Energy", "northpark.example")
    back = f"{settings.PUBLIC_URL}/sign-in/with/northpark/back/"
    app = sandbox.directory.add_app(tenant, "alertadmin", redirect_uris=[back], group_claims="SecurityGroup")
    monkeypatch.setenv("OIDC_SECRET", sandbox.directory.add_secret(app).value or "")
    person = sandbox.directory.add_person(tenant, "grace@northpark.example", "Grace Hopper", "grace@northpark.example")
    set_environment(settings, SIGN_IN_FILE=str(tmp_path / "sign-in.toml"))
    entra = Entra(sandbox, tenant, app, person, tmp_path / "sign-in.toml")
    entra.write()
    yield entra
    sandbox.directory.remove_tenant(tenant)
