"""Saved views of lists: by name, for one user, one of them perhaps the default; and the density of lists."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.audit.models import AuditEntry
from alertadmin.dashboard.lists import saved_views
from tests.factories import Rows

pytestmark = pytest.mark.postgresql
QUERY = "q=north&columns=domain&sort=-name"


def save(client: Client, name: str, query: str = QUERY, table: str = "tenants", **more: str) -> str:
    sent = {"list": table, "name": name, "query": query, **more}
    return client.post(reverse("saved-view-save"), sent).headers.get("Location", "")


def change(client: Client, name: str, table: str = "tenants", **sent: str) -> str:
    """What the page says then."""
    response = client.post(reverse("saved-view-change"), {"list": table, "name": name, **sent})
    return [str(message) for message in get_messages(response.wsgi_request)][-1]


def names(user: User, table: str = "tenants") -> list[str]:
    user.refresh_from_db()
    return [view.name for view in saved_views.saved_views(user, table)]


def test_a_view_is_saved_by_name_without_the_place_in_the_list(
    signed_in: Client, administrator: User, rows: Rows
) -> None:
    rows.tenant("Northpark")
    address = save(signed_in, "  North\u202e \n", f"{QUERY}&after=xyz&view=")
    assert address == f"{reverse('tenants')}?{QUERY}"
    assert names(administrator) == ["North"]
    page = signed_in.get(address).content.decode()
    assert 'aria-current="true">North</a>' in page
    assert AuditEntry.objects.filter(act="person.changed").count() == 1


def test_the_default_view_is_shown_where_the_address_says_nothing(signed_in: Client, rows: Rows) -> None:
    for name in ("Northpark", "Harbour"):
        rows.tenant(name)
    save(signed_in, "North", default="1")
    shown = signed_in.get(reverse("tenants"))
    assert [str(row) for row in shown.context["page"].rows] == ["Northpark"]
    assert 'name="q" value="north"' in " ".join(shown.content.decode().split()).replace('type="search" ', "")
    assert 'name="query" value="q=north&amp;' in shown.content.decode()  # what an action on all rows is about
    assert len(signed_in.get(f"{reverse('tenants')}?view=").context["page"].rows) == 2
    assert len(signed_in.get(reverse("apps")).context["page"].rows) == 0
    save(signed_in, "Harbour", "q=harb", default="1")
    assert [str(row) for row in signed_in.get(reverse("tenants")).context["page"].rows] == ["Harbour"]


def test_a_view_is_renamed_made_the_default_and_deleted(signed_in: Client, administrator: User) -> None:
    save(signed_in, "North")
    save(signed_in, "South")
    assert change(signed_in, "North", new_name="South") == "You already have a view with this name."
    assert change(signed_in, "North", new_name=" ") == "Enter a name."
    change(signed_in, "North", new_name="East")
    change(signed_in, "South", default="1")
    assert names(administrator) == ["East", "South"]
    assert [view.is_default for view in saved_views.saved_views(administrator)] == [False, True]
    assert "South" in signed_in.get(reverse("saved-views")).content.decode()
    change(signed_in, "South", default="")
    change(signed_in, "East", delete="1")
    change(signed_in, "made up", delete="1")
    assert names(administrator) == ["South"]
    assert not saved_views.saved_views(administrator)[0].is_default


def test_a_view_whose_filter_or_column_is_gone_is_shown_without_it(signed_in: Client, rows: Rows) -> None:
    rows.tenant()
    address = save(signed_in, "Old", "gone=1&sort=gone&columns=gone&ends=2001-01", default="1")
    for url in (address, reverse("tenants")):
        page = signed_in.get(url).context["page"]
        assert (len(page.rows), page.sort, page.is_narrowed) == (1, "name", False)


@pytest.mark.parametrize(
    "stored", [None, {}, ["x"], [{"list": 1}], [{"list": "tenants", "name": "a", "query": "%ff=\x01"}]]
)
def test_odd_stored_views_break_no_list(signed_in: Client, administrator: User, stored: object) -> None:
    User.objects.filter(pk=administrator.pk).update(saved_views=stored or [])
    assert signed_in.get(reverse("tenants")).status_code == 200
    assert signed_in.get(reverse("saved-views")).status_code == 200


def test_views_are_limited_in_number_and_length(signed_in: Client, administrator: User) -> None:
    administrator.saved_views = [{"list": "apps", "name": str(number), "query": ""} for number in range(50)]
    administrator.save(update_fields=["saved_views"])
    save(signed_in, "one more")
    assert names(administrator) == []
    save(signed_in, "7", "q=x", table="apps")
    assert len(names(administrator, "apps")) == 50
    change(signed_in, "7", table="apps", delete="1")
    save(signed_in, "long", "q=" + "x" * 2000)
    save(signed_in, "")
    assert names(administrator) == []
    assert signed_in.post(reverse("saved-view-save"), {"list": "users", "name": "x"}).status_code == 302


def test_lists_are_compact_for_the_user_who_wants_it(signed_in: Client, administrator: User, rows: Rows) -> None:
    rows.tenant()
    assert "stack compact" not in signed_in.get(reverse("tenants")).content.decode()
    sent = {"list": "tenants", "query": QUERY, "compact": "1"}
    address = signed_in.post(reverse("list-density"), sent).headers["Location"]
    assert address == f"{reverse('tenants')}?{QUERY}"
    assert "stack compact" in signed_in.get(f"{reverse('tenants')}?view=").content.decode()
    assert signed_in.post(reverse("list-density"), {"list": "https://evil.example"}).headers["Location"] == "/views/"
