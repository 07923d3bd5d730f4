"""What may be granted beside a permission is told where one looks for it, and is never missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.registry.models import Consent, ConsentStatus
from tests.conftest import NOW
from tests.factories import Rows

WORDS = "Optional: prevents duplicates"


def consent(rows: Rows, status: ConsentStatus, roles: Sequence[str] = ()) -> Consent:
    app = rows.app()
    return Consent.objects.create(
        app=app, tenant=app.tenant, permission="Mail.Send", status=status, roles=list(roles), checked_at=NOW
    )


@pytest.mark.parametrize(
    ("roles", "said"),
    [(["Mail.Send"], "Not granted, not required"), (["Mail.Send", "Mail.ReadWrite"], "Granted")],
)
def test_the_apps_page_tells_how_it_stands(signed_in: Client, rows: Rows, roles: list[str], said: str) -> None:
    one = consent(rows, ConsentStatus.GRANTED, roles)
    page = signed_in.get(one.app.get_absolute_url()).content.decode()
    assert said in page.partition(WORDS)[2].partition("</li>")[0]


def test_where_the_permission_itself_is_not_granted_that_comes_first(signed_in: Client, rows: Rows) -> None:
    one = consent(rows, ConsentStatus.NOT_IN_TOKEN)
    assert WORDS not in signed_in.get(one.app.get_absolute_url()).content.decode()


def test_the_list_names_it_where_it_is_granted(signed_in: Client, rows: Rows) -> None:
    consent(rows, ConsentStatus.GRANTED, ["Mail.Send"])
    assert "Mail.ReadWrite" not in signed_in.get(reverse("consents")).content.decode()
    consent(rows, ConsentStatus.GRANTED, ["Mail.Send", "Mail.ReadWrite"])
    assert "with Mail.ReadWrite: no duplicates" in signed_in.get(reverse("consents")).content.decode()
