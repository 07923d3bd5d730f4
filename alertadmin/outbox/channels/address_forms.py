"""Addresses of services as people paste them: taken out of quotes, and refused with the right form where a web page, an
old form or a part that nothing would use was pasted.

Sources of the forms: the services' own documentation and apprise's; of the mistakes: see tests/outbox/channels/
test_address_forms.py.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mailer.email_address import InvalidAddress, strip_invisible
from mailer.pasted_address import parse_pasted

_QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("«", "»"), ("<", ">"), ("`", "`"))
TEAMS = "https://prod-01.westeurope.logic.azure.com:443/workflows/…?…&sig=…"
TELEGRAM = "tgram://123456789:AbC…/chat-id"
SLACK = "https://hooks.slack.com/services/T…/B…/…"
DISCORD = "https://discord.com/api/webhooks/…/…"
MATRIX = "matrixs://user:password@matrix.example.com/#alerts:example.com"
GOOGLE_CHAT = "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…"
PUSHOVER = "pover://user-key@app-token"
PAGERDUTY = "pagerduty://integration-key@api-key"
OPSGENIE = "opsgenie://api-key"
SIGNAL = "signals://host:8080/from/to"
GOTIFY = "gotifys://push.example.com/token"
MATTERMOST = "mmosts://chat.example.com/token"
ROCKET = "rockets://chat.example.com/id/token"
NTFY = "ntfy://topic"
HOSTS: tuple[tuple[str, str, str], ...] = (
    (r"(?:t|telegram)\.me|(?:web\.|api\.|my\.)?telegram\.org", "Telegram", TELEGRAM),
    (r"(?:[\w-]+\.)?slack\.com", "Slack", SLACK),
    (r"discord\.gg|(?:[\w-]+\.)?discord(?:app)?\.com", "Discord", DISCORD),
    (r"matrix\.to|app\.element\.io|matrix\.org", "Matrix", MATRIX),
    (r"chat\.google\.com|mail\.google\.com|chat\.googleapis\.com", "Google Chat", GOOGLE_CHAT),
    (r"(?:[\w-]+\.)*pagerduty\.com", "PagerDuty", PAGERDUTY),
    (r"(?:[\w-]+\.)*opsgenie\.com", "Opsgenie", OPSGENIE),
    (r"(?:[\w-]+\.)*pushover\.net", "Pushover", PUSHOVER),
    (r"signal\.(?:me|group|org)", "Signal", SIGNAL),
    (r"(?:[\w-]+\.)*ntfy\.sh", "ntfy", NTFY),
)
"""Hosts of services, which `apprise` knows only in the one form that is shown."""
PATHS: tuple[tuple[str, str, str], ...] = (
    (r"/hooks/[a-z0-9]{26}/?", "Mattermost", MATTERMOST),
    (r"/hooks/[A-Za-z0-9]{17,24}/[A-Za-z0-9]{30,}/?", "Rocket.Chat", ROCKET),
    (r"/message/?", "Gotify", GOTIFY),
    (r"/v[12]/send/?", "Signal", SIGNAL),
    (r"/_matrix/.*", "Matrix", MATRIX),
)
"""Paths of services on servers of one's own: they refuse the JSON of a signed webhook."""
_TEAMS_RETIRED = re.compile(r"outlook\.office(?:365)?\.com|(?:[\w-]+\.)*webhook\.office\.com")
_TEAMS_PAGES = re.compile(
    r"teams\.(?:microsoft|live)\.com|teams\.cloud\.microsoft|make\.powerautomate\.com|"
    r"(?:[\w-]+\.)*flow\.microsoft\.com"
)
_TEAMS_HOSTS = re.compile(r"(?:[\w-]+\.)*(?:logic\.azure\.com|api\.powerplatform\.com)")
_NTFY_STREAM = re.compile(r"/[^/]+/(?:json|sse|raw|ws|auth|publish|send|trigger)/?")
_OTHER_SCHEMES = {"telegram": TELEGRAM, "tg": TELEGRAM, "pushover": PUSHOVER, "gotify+https": GOTIFY}


def normalize(text: str) -> str:
    """The address without invisible characters, quotes or angle brackets around it, and with `&amp;` of HTML as `&`."""
    text = strip_invisible(text)
    for opening, closing in _QUOTES:
        if len(text) > 1 and text.startswith(opening) and text.endswith(closing):
            text = strip_invisible(text[1:-1])
    return text.replace("&amp;", "&")


def check_whole(url: str) -> None:
    """Refuse what is not one address. Raises ValidationError."""
    scheme, mark, rest = url.partition("://")
    if len(re.findall(r"[A-Za-z][A-Za-z0-9+.-]*://", url.partition("?")[0])) > 1 and "," not in scheme:
        again = rest.lower()
        if again.startswith(("http://", "https://")):
            raise ValidationError(
                _("This address starts with two schemes. Write %(scheme)s:// alone, then the host.")
                % {"scheme": scheme.lower()}
            )
        raise ValidationError(_("These are several addresses. Enter one, and add a channel for each of the others."))
    if not mark and _is_mail_address(url):
        raise ValidationError(
            _(
                "This is an e-mail address: enter it as a recipient of reminders. A channel sends by another mail "
                "server only: %(example)s"
            )
            % {"example": "mailtos://user:password@mail.example.com?to=name@example.com"}
        )


def _is_mail_address(text: str) -> bool:
    try:
        return bool(parse_pasted(text))
    except InvalidAddress:
        return False


def check_form(url: str) -> None:
    """Refuse an address of the web that is not the one that its service is notified by. Call it only for what no
    service is known by. Raises ValidationError."""
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower().rstrip("."), parts.path
    if parts.scheme.lower() in ("msteams", "teams") or _TEAMS_RETIRED.fullmatch(host):
        raise ValidationError(
            _(
                "Microsoft has retired the Office 365 connectors, to which this address belongs. In Teams, open the "
                "menu of the channel, Workflows, “Send webhook alerts to a channel”; the new address looks like this: "
                "%(example)s"
            )
            % {"example": TEAMS},
            code="retired",
        )
    if _TEAMS_PAGES.fullmatch(host) or _TEAMS_HOSTS.fullmatch(host):
        raise _other_form("Microsoft Teams", TEAMS)
    for pattern, service, example in HOSTS:
        if re.fullmatch(pattern, host):
            raise _other_form(service, example)
    for pattern, service, example in PATHS:
        if re.fullmatch(pattern, path):
            raise _other_form(service, example)
    if example := _OTHER_SCHEMES.get(parts.scheme.lower(), ""):
        raise _other_form(parts.scheme.capitalize(), example)


def check_known(url: str, kind: str) -> None:
    """Refuse what a service would read otherwise than it was meant. Raises ValidationError."""
    parts = urlsplit(url)
    if kind == "ntfy" and parts.hostname == "ntfy.sh" and _NTFY_STREAM.fullmatch(parts.path):
        raise _other_form("ntfy", NTFY)


def check_webhook(url: str) -> None:
    """Refuse what would not be sent to a webhook. Raises ValidationError."""
    if "#" in url:
        raise ValidationError(_("What follows the # of this address is never sent: take it out, or write %23 for it."))


def _other_form(service: str, example: str) -> ValidationError:
    words = {"service": service, "example": example}
    return ValidationError(
        _("%(service)s is not notified by this address. Copy the one that looks like this: %(example)s") % words,
        code="form",
    )
