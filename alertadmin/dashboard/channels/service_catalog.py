"""The kinds of channel that a page offers: where to find the address of each, and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class ChannelKind:
    slug: str
    label: str | Promise
    how: str | Promise
    """Where the address comes from, in one sentence."""
    example: str
    services: frozenset[str]
    """What `channels.telling.check` may say of such an address; empty for any."""
    icon: str = "message-square"


KINDS = (
    ChannelKind(
        "teams",
        "Microsoft Teams",
        _("In Teams, open the menu of the channel, Workflows, “Send webhook alerts to a channel”; copy the address."),
        "https://prod-01.westeurope.logic.azure.com:443/workflows/…/triggers/manual/paths/invoke?…&sig=…",
        frozenset({"workflows", "msteams"}),
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
        _("Choose a topic that nobody guesses and subscribe to it in the ntfy app; ntfys:// for your own server."),
        "ntfy://my-topic-5f1b2c3d",
        frozenset({"ntfy"}),
        "bell-ring",
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
        _("A program of yours that takes a POST of JSON and checks its signature."),
        "https://hooks.example.com/alertadmin",
        frozenset({"webhook"}),
        "webhook",
    ),
    ChannelKind(
        "other",
        _("Another service"),
        _("Any address that apprise knows and that goes over the web: Gotify, Mattermost, Telegram and many more."),
        "gotifys://push.example.com/token",
        frozenset(),
        "plug",
    ),
)


def named(slug: str) -> ChannelKind | None:
    return next((kind for kind in KINDS if kind.slug == slug), None)


def of_service(service: str) -> ChannelKind:
    """The kind that a stored channel is of."""
    return next((kind for kind in KINDS if service in kind.services), KINDS[-1])
