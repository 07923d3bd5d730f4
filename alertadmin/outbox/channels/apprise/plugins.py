"""apprise: which services are supported, how an address is parsed, and how a notification is split into messages.

Import it in the separate process only (see `fork_server`): it loads slowly and keeps what it loads.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import requests
from apprise import Apprise, AppriseAsset, NotifyFormat, OverflowMode

from alertadmin.adapters.apprise import NotificationManager, NotifyBase, NotifyEmail, url_to_dict
from alertadmin.outbox.channels.apprise.used_parts import forms_of

LABELS = {
    "workflows": "Microsoft Teams",
    "email": "E-mail",
    "custom_json": "JSON",
    "custom_form": "Form",
    "custom_xml": "XML",
}
"""Replacements for apprise's less descriptive names."""
MAX_LENGTH = {"workflows": 12_000}
"""Characters of one message, where apprise's limit is wrong. Teams accepts 28 KB in total (Microsoft, "Limits and
specifications for Teams"), and a character may take two bytes."""
MAX_PIECES = 8
MAX_PAUSE = 1.0
"""Seconds between two pieces; apprise waits up to 5.5."""


class UnusablePlugin(Exception):
    """An address without a supported service: "unknown", "incomplete", "local" or "unverified". `forms` says how an
    address of the service is written, if it is incomplete."""

    def __init__(self, why: str, forms: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.forms = list(forms)


def load_all() -> list[type[NotifyBase]]:
    """All services of apprise; some search for their libraries while loading."""
    return list(NotificationManager().plugins(include_disabled=True))


def load(url: str) -> NotifyBase:
    """The service of an address. Makes no connection. Raises UnusablePlugin."""
    schema = url.partition("://")[0].lower()
    manager = NotificationManager()
    known = schema in manager
    if known and not is_supported(manager[schema]):
        raise UnusablePlugin("local")
    parsed = url_to_dict(url)
    if not parsed:
        raise UnusablePlugin("incomplete", forms_of(manager[schema], url)) if known else UnusablePlugin("unknown")
    service = Apprise.instantiate(parsed, asset=_asset())
    if service is None:
        raise UnusablePlugin("incomplete", forms_of(manager[schema], url) if known else ())
    if not is_supported(type(service)):
        raise UnusablePlugin("local")
    if not service.verify_certificate:
        raise UnusablePlugin("unverified")
    if isinstance(service, NotifyEmail) and not mail_server_of(service)["recipients"]:
        raise UnusablePlugin("incomplete")
    return service


def is_supported(plugin: type[NotifyBase]) -> bool:
    return uses_requests(plugin) or issubclass(plugin, NotifyEmail)


def uses_requests(plugin: type[NotifyBase]) -> bool:
    """Whether it uses `requests`, which we intercept, and neither opens connections nor starts programs itself."""
    loaded = [sys.modules[name] for name in modules_of(plugin)]
    by_itself = ("socket", "SocketTransport", "ssl", "smtplib", "asyncio", "subprocess")
    return any(getattr(module, "requests", None) is requests for module in loaded) and not any(
        hasattr(module, name) for module in loaded for name in by_itself
    )


def modules_of(plugin: type[NotifyBase]) -> list[str]:
    """Names of the modules of the class and its bases, without apprise's base module."""
    names = [one.__module__ for one in plugin.__mro__ if issubclass(one, NotifyBase)]
    return [each for name in names if name != NotifyBase.__module__ for each in _package(name)]


def _package(module: str) -> list[str]:
    """The module, and its siblings if it has its own package."""
    package = module.rpartition(".")[0]
    if package == "apprise.plugins":
        return [module]
    return [name for name in sys.modules if name == package or name.startswith(f"{package}.")]


def _asset() -> AppriseAsset:
    return AppriseAsset(
        app_id="alertadmin",
        app_desc="alertadmin",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        storage_mode="memory",
    )


def kind_of(service: NotifyBase) -> str:
    """apprise's name of the service: `slack`, `workflows`, `matrix`."""
    return type(service).__module__.removeprefix("apprise.plugins.").partition(".")[0]


def label_of(service: NotifyBase) -> str:
    return LABELS.get(kind_of(service)) or str(service.service_name)


def mail_server_of(service: Any) -> dict[str, Any]:
    """Fields of `smtp.MailServer`. apprise derives the servers of some providers from a mail address."""
    to = [address for _name, address in service.targets]
    return {
        "host": service.smtp_host,
        "port": service.port,
        "encrypted": service.secure_mode,
        "username": service.user,
        "password": service.password,
        "sender": service.from_addr[1],
        "recipients": [*to, *sorted({*service.cc, *service.bcc} - {*to})],
    }


def fit(service: NotifyBase, text: str) -> str:
    """Cut the text to what is sent, and set the service to split it into messages."""
    if (kind := kind_of(service)) in MAX_LENGTH:
        service.body_maxlen = MAX_LENGTH[kind]
    service.overflow_mode = OverflowMode.SPLIT
    return fitted(text, service.body_maxlen)


def messages(service: NotifyBase, text: str) -> int:
    """Minimum number of messages sent: pieces, or recipients."""
    return max(len(service), -(-len(text) // max(service.body_maxlen, 1)))


def send(service: NotifyBase, title: str, text: str) -> bool:
    """Send once, without retries. Return whether all messages were accepted."""
    service.request_rate_per_sec = min(service.request_rate_per_sec, MAX_PAUSE)
    service.retry = 0
    written = NotifyFormat.TEXT
    if kind_of(service) == "workflows":
        # An adaptive card joins lines unless an empty line separates them, and does not support backslashes.
        text, written = "\n\n".join(line for line in text.splitlines() if line.strip()), NotifyFormat.MARKDOWN
    caller = Apprise(asset=service.asset)
    caller.add(service)
    return bool(caller.notify(body=text, title=title, body_format=written))


def fitted(text: str, largest: int) -> str:
    """The lines that fit into MOST_PIECES messages; if some do not, a last line counts them."""
    room = MAX_PIECES * largest * 3 // 4  # pieces end at a line's end, and each has a title
    lines = text.splitlines()
    shown, length = 0, 0
    while shown < len(lines) and length + len(lines[shown]) + 1 <= room:
        length += len(lines[shown]) + 1
        shown += 1
    left = len(lines) - shown
    return text if not left else "\n".join([*lines[:shown], f"[… +{left}]"])
