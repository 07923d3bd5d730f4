"""What the pages of a channel show of its address: the parts that are used, and never a token."""

from __future__ import annotations

import pytest
from django.test import Client

from alertadmin.outbox.models import Channel
from tests.dashboard.test_channels import TOKEN, add, edit, errors, text_of


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        ("ntfy", f"“ntfys://tk_{TOKEN}@ntfy.example:8443/{TOKEN}?priority=high&cto=4”", "ntfy.example:8443"),
        ("webhook", f" https://hooks.example/webhook/{TOKEN}\n", "/webhook/…"),
        ("teams", f"https://prod-01.westeurope.logic.azure.com:443/workflows/0a/triggers/manual/paths/invoke?sig={TOKEN}",
         "prod-01.westeurope.logic.azure.com:443"),
    ],
)  # fmt: skip
def test_page_shows_the_parts_that_are_used_and_no_token(
    signed_in: Client, kind: str, address: str, shown: str
) -> None:
    add(signed_in, kind, address)
    [channel] = Channel.objects.all()
    page = text_of(signed_in, channel.get_absolute_url())
    assert shown in page
    assert "Encryption" in page
    assert TOKEN not in page + str(channel.parts)
    before = channel.parts
    edit(signed_in, channel, name="Renamed")
    channel.refresh_from_db()
    assert (channel.name, channel.parts) == ("Renamed", before)
    Channel.objects.update(parts=None)  # stored by an earlier release
    assert "Encryption" not in text_of(signed_in, channel.get_absolute_url())


@pytest.mark.parametrize(
    ("kind", "address", "said"),
    [
        ("ntfy", f"ntfys://:tk_{TOKEN}@ntfy.example/topic", "would not be used"),
        ("ntfy", f"https://ntfy.example/{TOKEN}", "ntfys://ntfy.example.com/"),
        ("teams", f"https://kunde.webhook.office.com/webhookb2/{TOKEN}", "retired"),
        ("other", f"https://api.telegram.org/bot{TOKEN}/sendMessage", "tgram://"),
    ],
)
def test_what_would_not_be_used_is_refused_without_showing_it(
    signed_in: Client, kind: str, address: str, said: str
) -> None:
    response = add(signed_in, kind, address)
    assert response.status_code == 422
    assert said in errors(response)
    assert TOKEN not in response.content.decode()
    assert not Channel.objects.exists()
