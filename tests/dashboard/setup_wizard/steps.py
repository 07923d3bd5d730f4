"""Walk through the guide: a directory at Microsoft, and the forms of each step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from uuid import uuid4

from django.test import Client
from django.urls import reverse

from alertadmin.registry.models import SetupProgress
from alertadmin.registry.models.app_registration import NATIVE_CLIENT
from sandbox import Sandbox
from sandbox.state.models import SandboxApp
from sandbox.state.models import SandboxTenant as Directory
from tests.factories import cloud_slug

END = "2028-06-30"


@dataclass
class There:
    """A directory, an app in it that wants Mail.Send and has no consent, a mailbox: known to Microsoft alone."""

    sandbox: Sandbox
    directory: Directory
    app: SandboxApp
    address: str

    def secret(self) -> str:
        made = self.sandbox.directory.add_secret(self.app, expires_at=datetime(2036, 1, 1, tzinfo=UTC))
        return str(made.value)


def there(sandbox: Sandbox, *, multi_tenant: bool = False) -> There:
    domain = f"{uuid4().hex[:8]}.example"
    directory = sandbox.directory.add_tenant("Northpark Energy", domain)
    app = sandbox.directory.add_app(directory, "ALERT mail", multi_tenant=multi_tenant, wanted=["Mail.Send"])
    sandbox.directory.add_mailbox(directory, f"alarms@{domain}")
    return There(sandbox, directory, app, f"alarms@{domain}")


def found(world: There, text: str = "", **more: str) -> dict[str, str]:
    wanted = text or world.directory.domain
    return {"directory": wanted, "cloud": cloud_slug(world.sandbox), "time_zone": "Europe/Paris", **more}


def application(world: There, **changes: str) -> dict[str, str]:
    form = {"name": "ALERT", "audience": "AzureADMyOrg", "redirect_uri": NATIVE_CLIENT}
    return {**form, "client_id": world.app.client_id, **changes}


def post(client: Client, name: str, data: Mapping[str, object], query: str = "") -> str:
    """The page that it leads to."""
    guide = SetupProgress.objects.get()
    return client.post(reverse(f"guide-{name}", args=[guide.pk]) + query, data, follow=True).content.decode()


def see(client: Client, name: str, query: str = "") -> str:
    url = reverse(f"guide-{name}", args=[SetupProgress.objects.get().pk])
    return unescape(client.get(url + query, follow=True).content.decode())


def heading(page: str) -> str:
    match = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
    return match[1] if match else ""


def begin(client: Client, world: There) -> str:
    return client.post(reverse("guide"), found(world), follow=True).content.decode()


def up_to(client: Client, world: There, last: str) -> str:
    """Every step until the one named, that one done too; the page it leads to."""
    page = begin(client, world)
    forms: dict[str, Mapping[str, object]] = {
        "application": application(world),
        "permissions": {"permissions": ["Mail.Send"], "scope": "whole"},
        "credential": {"value": world.secret(), "expires_at": END},
        "mailbox": {"address": world.address, "transport": "graph"},
    }
    for name, form in forms.items():
        page = post(client, name, form)
        if name == last:
            break
    return page
