"""Item 4: users with a role in one tenant see nothing of other tenants, nor of the installation's users and routes, in
any page, fragment, form, search, export, feed or mail.

The crawler visits every page of the URLconf, and the rows come from the model registry (security/foreign.py): new pages
and models are included automatically.
"""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Delivery
from sandbox import Sandbox
from tests.factories import Rows
from tests.security import foreign
from tests.security.foreign import Foreign, some_or_all
from tests.security.walker import Got, Walker

pytestmark = pytest.mark.control(29, 30, 80)

SHOWN = 60


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> Foreign:
    return foreign.build(rows, sandbox)


def complaints(world: Foreign, got: Got) -> list[str]:
    leaked = world.leaked(got.answer, got.asked)
    found = [f"{got.status} {got.asked[:160]} told {leaked[:6]}"] if leaked else []
    return found + ([f"500 {got.asked[:160]}"] if got.status == 500 else [])


@pytest.mark.parametrize(("role", "of_each_shape"), some_or_all(Role.VIEWER, Role.ADMINISTRATOR))
def test_no_page_shows_anything_of_others(world: Foreign, role: Role, of_each_shape: bool) -> None:
    walker, wrong, count = Walker(world, role, of_each_shape), [], 0
    for _route, url in walker.addresses():
        for got in walker.looks(url):
            count += got.status == 200
            wrong += complaints(world, got)
    assert not wrong, "\n".join([*wrong[:SHOWN], f"{len(wrong)} in all"])
    assert count > 80


def test_no_export_and_no_explained_error_tells_of_others(world: Foreign) -> None:
    auditor, other = Walker(world, Role.AUDITOR), world.other
    exported = [got for name in ("csv", "jsonl") for got in auditor.posts(reverse("audit-export"), {"format": name})]
    assert all("tenant.changed" in got.answer for got in exported)
    other.app.refresh_from_db()
    other.tenant.refresh_from_db()
    other.mailbox.refresh_from_db()
    named = (other.app.client_id, other.tenant.directory_id, other.tenant.domain, other.mailbox.address)
    said = f"AADSTS7000215 {' '.join(named)}"
    explained = list(Walker(world, Role.VIEWER).posts(reverse("diagnosis"), {"text": said}))
    assert [one for got in (*exported, *explained) for one in complaints(world, got)] == []


def test_the_trail_of_a_tenant_is_not_searched_by_who_the_installations_people_are(world: Foreign) -> None:
    page = world.clients[Role.AUDITOR].get(reverse("audit"), {"q": "zq"})
    assert page.context["page"].rows == []


def test_no_mail_to_a_tenants_people_tells_of_others(world: Foreign) -> None:
    mails = Delivery.objects.exclude(pk__in=world.rows(Delivery)).filter(state="pending", purpose="reminder")
    assert mails
    for delivery in mails:
        worded = composers.compose(delivery, timezone.now())
        assert isinstance(worded, composers.Content)
        assert world.leaked(f"{worded.subject} {worded.text} {worded.html} {worded.attachments}") == []


def test_whoever_holds_a_role_everywhere_sees_by_whom_and_which_route(world: Foreign) -> None:
    """Hiding is for others: the installation's people see all of it."""
    people = Walker(world, Role.VIEWER)
    Membership.objects.create(user=world.people[Role.VIEWER], role=Role.VIEWER)
    shown = " ".join(got.answer for name in ("credential", "delivery") for got in _pages(people, name))
    assert {"zq90001q", "zq90002q", "zq90003q"} <= set(world.leaked(shown))
    assert "recipients of this installation" not in shown


def _pages(walker: Walker, name: str) -> list[Got]:
    return [walker.get(url) for route, url in walker.addresses() if route.name == name]
