"""Webhook channels that send to a local receiver, and what it received."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from alertadmin.outbox.models import Channel
from alertadmin.registry.models import Credential
from tests.factories import Site
from tests.mailer.https_server import Request
from tests.mailer.tcp_server import Cut
from tests.outbox.channels.http_server import HttpServer

MakeSite = Callable[..., Site]


def webhook_to(url: str, name: str = "Ops", **fields: object) -> Channel:
    channel = Channel(name=name, service="webhook", label="Webhook", hint="localhost", **fields)
    channel.address = f"{url}/hook/{name}"
    channel.renew_signing_key()
    channel.save()
    return channel


def bodies(receiver: HttpServer) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.requests]


def without_mail(site: Site) -> None:
    """The only mailbox's secret is not stored."""
    Credential.objects.update(value=None)


def cut(request: Request) -> bytes:
    raise Cut
