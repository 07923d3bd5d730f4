"""Addresses of services as people paste them: read, and shown back in the parts that will be used, or refused with the
right form. Each row is a public report, named beside it; tokens and hosts are replaced."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from alertadmin.outbox.channels import address_forms, address_parts, transport
from alertadmin.outbox.channels.apprise.service import Service

TOKEN = "7f3cANARYtoken9d2e"
BOT = "123456789:AbCANARYklmnopqrstuvwxyz012345678901"
GUID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
CONNECTOR = f"webhookb2/{GUID}@{GUID}/IncomingWebhook/{'c' * 32}/{GUID}"
FLOW = "triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
POWER = "default0.4f.environment.api.powerplatform.com:443/powerautomate/automations/direct"

READ: list[tuple[str, str, dict[str, Any]]] = [
    # caronc/apprise#1193: the token before the host
    (f"ntfys://tk_{TOKEN}@ntfy.example/topic", "ntfy", {"server": "ntfy.example:443", "secret": True, "user": False}),
    # karanhudia/borg-ui#430: user and password
    ("ntfys://UN:PW@push.example:8443/backups", "ntfy", {"server": "push.example:8443", "secret": True, "user": True}),
    # MMagTech/nudgarr#14: a server in the network, not encrypted
    ("ntfy://192.0.2.6:8091/nudgarr", "ntfy", {"server": "192.0.2.6:8091", "encryption": False, "secret": False}),
    # dgtlmoon/changedetection.io#2611: a topic of ntfy.sh alone, which may be secret, is not shown
    ("ntfy://sometopic", "ntfy", {"secret": False}),
    ("https://ntfy.sh/sometopic?priority=high", "ntfy", {"options": ["priority"]}),
    ("NTFYS://sometopic", "ntfy", {"secret": False}),
    # caronc/apprise#985 and others: as apprise itself writes an address again
    ("ntfys://t1/?priority=default&format=text&overflow=upstream&rto=4.0&cto=4.0&verify=yes", "ntfy",
     {"options": ["priority", "format"], "unused": ["overflow", "rto", "cto"]}),
    (f"tgram://{BOT}/12315544/", "telegram", {"secret": True}),  # caronc/apprise#247
    (f"https://prod-01.westeurope.logic.azure.com:443/workflows/0123/{FLOW}&sig={TOKEN}", "workflows",
     {"server": "prod-01.westeurope.logic.azure.com:443", "encryption": True, "secret": True}),  # grafana/grafana#90139
    (f"https://{POWER}/workflows/0123/{FLOW}&sig={TOKEN}", "workflows",
     {"server": "default0.4f.environment.api.powerplatform.com:443", "secret": True}),
    # the same from the source of an HTML mail
    (f"https://{POWER}/workflows/0123/{FLOW}&sig={TOKEN}".replace("&", "&amp;"), "workflows", {"secret": True}),
    (f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{TOKEN}abcdefgh", "slack", {"secret": True}),
    (f"https://discordapp.com/api/webhooks/491650316685672458/{TOKEN}", "discord", {"secret": True}),  # bazarr#146
    (f"\u201cgotifys://push.example/A{TOKEN[:14]}\u201d", "gotify", {"server": "push.example:443", "secret": True}),
    (f"  <mmosts://chat.example/{'3c' * 13}>\u200b\n", "mattermost", {"server": "chat.example:443", "secret": True}),
    # caronc/apprise#32: % in a password, as it must be written
    ("mailtos://me:p%25a%40ss@mail.example?to=duty@kunde.example", "email",
     {"server": "mail.example:587", "encryption": True, "user": True, "secret": True, "options": ["to"]}),
    (f"https://hooks.example/webhook/{TOKEN}?id={TOKEN}", "webhook",
     {"server": "hooks.example:443", "encryption": True, "path": "/webhook/…", "secret": False, "options": 1}),
    ("https://apprise.example/notify/my-key", "apprise_api", {"server": "apprise.example:443", "secret": True}),
    ("http://me:secret@n8n.example:5678/hook/x", "webhook",
     {"server": "n8n.example:5678", "encryption": False, "path": "/hook/…", "user": True, "secret": True}),
]  # fmt: skip
"""Address, kind, and some of the parts."""

REFUSED = [
    # the token as a password: apprise sends without it (caronc/apprise#1193)
    (f"ntfys://:tk_{TOKEN}@ntfy.example/topic", "ntfys://token@host/targets"),
    # caronc/apprise#1237: @ in a password
    (f'ntfy://admin:"hk{TOKEN}@ajf"@ntfy.example/t', "write %40 for @"),
    ("https://ntfy.sh/", "ntfy://topic"),  # 2manyvcos/enable-actual#19: no topic
    ("https://ntfy.sh/topic/json", "ntfy://topic"),  # docs.ntfy.sh, "Subscribe via API"
    ("ntfys://https://ntfy.example/topic", "two schemes"),
    (f"tgram:///{BOT}/12315544", "tgram://bot_token/targets"),  # caronc/apprise#247
    (f"https://api.telegram.org/bot{BOT}/sendMessage?chat_id=1", "tgram://"),  # louislam/uptime-kuma, "Telegram URL"
    ("https://t.me/adaexample", "tgram://"),  # sibalzer/impfbot#62
    ("https://web.telegram.org/k/#-100123", "tgram://"),  # rahiel/telegram-send#92
    (f"https://kunde.webhook.office.com/{CONNECTOR}", "retired"),  # home-assistant.io#34560
    (f"https://outlook.office.com/{CONNECTOR}", "retired"),  # netdata/netdata#18098
    (f"https://outlook.office365.com/{CONNECTOR}", "retired"),
    (f"msteams://{GUID}@{GUID}/{'c' * 32}/{GUID}", "retired"),  # apprise before 2
    ("https://teams.microsoft.com/l/channel/19%3Aabc%40thread.tacv2/General?groupId=1", "logic.azure.com"),
    (f"https://prod-01.westeurope.logic.azure.com:443/workflows/0123/{FLOW}", "sig="),  # cut off when copied
    ("https://kunde.slack.com/archives/C123", "hooks.slack.com"),
    ("https://app.slack.com/client/T1/C1", "hooks.slack.com"),
    ("https://hooks.slack.com/services/T1", "hooks.slack.com"),
    ("https://discord.gg/abcdef", "discord.com/api/webhooks"),
    ("https://discord.com/channels/1/2", "discord.com/api/webhooks"),
    ("https://matrix.to/#/#alerts:kunde.example", "matrixs://user:password@"),
    ("https://app.element.io/#/room/!x:kunde.example", "matrixs://user:password@"),
    ("https://mail.google.com/chat/u/0/#chat/space/AAA", "chat.googleapis.com"),
    ("https://events.pagerduty.com/v2/enqueue", "pagerduty://"),
    (f"https://api.opsgenie.com/v2/alerts?apiKey={TOKEN}", "opsgenie://"),
    (f"https://api.pushover.net/1/messages.json?token={TOKEN}", "pover://"),
    (f"https://push.example/message?token={TOKEN}", "gotifys://"),
    (f"https://chat.example/hooks/{'a1' * 13}", "mmosts://"),
    ("https://signal.example/v2/send", "signals://"),
    ("ada@kunde.example", "mailtos://user:password@"),
    ("mailto:ada@kunde.example", "mailtos://user:password@"),
    ("ntfy://one\nntfy://two", "several addresses"),
    ("https://a.example/1,https://b.example/2", "several addresses"),
    ("https://a.example/1https://b.example/2", "several addresses"),  # as a field of one line joins pasted lines
    (f"jsons://hooks.example/update?token={TOKEN}", "no option “token”"),  # dgtlmoon/changedetection.io#1959
    ("ntfy://localhost/topic?title=Hello", "no option “title”"),
    (f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}abcdefgh/?avatar_url=https://x.example/a.png", "no option “avatar_url”"),
    ("ntfys://ntfy.example/topic?verify=no", "verify=no"),
    ("ntfys://ntfy.example/topic#urgent", "What follows the #"),
    ("https://hooks.example/webhook#channel", "What follows the #"),
    ("slak://T1/B1/x", "No service is known"),
    ("syslog://localhost", "not called over the web"),
    (f"twilio://AC{'a' * 32}:{'b' * 32}@33333333333/123/44444444444", "part of the path"),
]
"""Address, and a part of what is said."""


def check(text: str) -> Service:
    return transport.check_address(address_forms.normalize(text))


@pytest.mark.parametrize(("text", "kind", "parts"), READ)
def test_address_is_shown_back_in_the_parts_that_are_used(text: str, kind: str, parts: dict[str, Any]) -> None:
    found = check(text)
    assert found.kind == kind
    assert parts.items() <= dict(found.parts).items()
    for language in ("en", "fr"):
        with translation.override(language):
            shown = address_parts.described(found.parts)
        assert len(shown) == len(found.parts)
        assert "CANARY" not in str(shown)
        assert "sometopic" not in str(shown)


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_address_that_would_not_be_used_as_it_stands_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        check(text)
    words = " ".join(refused.value.messages)
    assert said in words
    assert "CANARY" not in words


def test_parts_of_a_newer_release_are_left_out() -> None:
    assert address_parts.described([["server", "x:1"], ["phase of the moon", 3]]) == [("Server", "x:1")]


@pytest.mark.parametrize("name", ["priority", "+X-Token", "-k", ":message"])
def test_names_of_options_are_shown(name: str) -> None:
    assert address_parts.option_name(name) == name


@pytest.mark.parametrize("name", [TOKEN, "tk_9", "", "é", "a" * 30])
def test_name_of_an_option_that_may_be_a_token_is_not(name: str) -> None:
    assert address_parts.option_name(name) == "…"
