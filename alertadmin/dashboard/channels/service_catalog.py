"""Kinds of channel that the page offers: where to find the address of each, and an example."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class ChannelKind:
    slug: str
    label: str | Promise
    how: str | Promise
    """Where to find the address, in one sentence."""
    example: str
    services: frozenset[str]
    """Service names that `transport.check_address` may return for such an address; empty for any."""
    icon: str = "message-square"
    own_server: str = ""
    """The example for a server of one's own, if it is written otherwise."""


KINDS = (
    ChannelKind(
        "teams",
        "Microsoft Teams",
        _("In Teams, open the menu of the channel, Workflows, “Send webhook alerts to a channel”; copy the address."),
        "https://prod-01.westeurope.logic.azure.com:443/workflows/…/triggers/manual/paths/invoke?…&sig=…",
        frozenset({"workflows"}),
    ),
    ChannelKind(
        "slack",
        "Slack",
        _("At api.slack.com/apps, open your app, Incoming Webhooks, add one to the workspace, and copy its address."),
        "https://hooks.slack.com/services/T…/B…/…",
        frozenset({"slack"}),
        "hash",
    ),
    ChannelKind(
        "ntfy",
        "ntfy",
        _("Choose a topic that is hard to guess and subscribe to it in the ntfy app; ntfys:// for your own server."),
        "ntfy://my-topic-5f1b2c3d",
        frozenset({"ntfy"}),
        "bell-ring",
        "ntfys://ntfy.example.com/my-topic-5f1b2c3d",
    ),
    ChannelKind(
        "matrix",
        "Matrix",
        _("A user that is in the room, its password, the server and the room."),
        "matrixs://user:password@matrix.example.com/#alerts:example.com",
        frozenset({"matrix"}),
    ),
    ChannelKind(
        "webhook",
        _("Signed webhook"),
        _("Your own program, which receives a POST of JSON and checks its signature."),
        "https://hooks.example.com/alertadmin",
        frozenset({"webhook"}),
        "webhook",
    ),
    ChannelKind(
        "other",
        _("Another service"),
        _("Any address that apprise supports and that uses the web: Gotify, Mattermost, Telegram and many more."),
        "gotifys://push.example.com/token",
        frozenset(),
        "plug",
    ),
)


def named(slug: str) -> ChannelKind | None:
    return next((kind for kind in KINDS if kind.slug == slug), None)


def of_service(service: str) -> ChannelKind:
    """Return the kind of a stored channel."""
    return next((kind for kind in KINDS if service in kind.services), KINDS[-1])
