"""A name is what everybody sees: no form takes a character that hides, or turns a text round, as no CSV file does."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from tests.factories import Rows

TURNED = "right\u202eleft"
SAID = "This text contains a control character (U+202E)."


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ("tenant-edit", "name"),
        ("app-edit", "name"),
        ("guide", "name"),
        ("credential-add", "description"),
        ("certificate-make", "description"),
        ("profile", "name"),
    ],
)
def test_a_name_that_hides_something_is_refused(signed_in: Client, rows: Rows, form: str, field: str) -> None:
    app = rows.app()
    of = {"tenant-edit": [app.tenant.pk], "guide": [], "profile": []}.get(form, [app.pk])
    url = reverse(form, args=of)
    assert SAID in signed_in.post(url, {field: TURNED}).content.decode()
    assert "control character" not in signed_in.post(url, {field: "Société \N{FACTORY} Nord"}).content.decode()


def test_white_space_of_another_kind_becomes_a_space(signed_in: Client, administrator: User) -> None:
    signed_in.post(reverse("profile"), {"name": "Ada\N{NO-BREAK SPACE} Lovelace", "language": "", "time_zone": "UTC"})
    administrator.refresh_from_db()
    assert administrator.name == "Ada Lovelace"
