"""Item 3: the installation's sending route depends on rows that many pages write. Without an owner's right, or with a
session left open, no page can redirect or break it; owners are notified by mail when an owner changes it.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditEntry
from alertadmin.audit.throttle_counter import ThrottleCounter
from alertadmin.dashboard.ui import sender_guard
from alertadmin.outbox.models import Delivery
from alertadmin.registry.csv_import import COLUMNS, import_steps
from alertadmin.registry.installation_mailbox import InstallationSender
from alertadmin.registry.models import Mailbox, PendingImport, SetupProgress, Tenant
from sandbox import Sandbox
from tests.conftest import PASSWORD, hashed_password
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at
from tests.security.walker import undone

pytestmark = pytest.mark.control(26, 82, 110)

HOURS_AGO = 5 * 3600
SECRET = "Q8w~another-secret-value-of-forty-characters"


@dataclass
class Installation:
    site: Site
    user: User
    client: Client
    before: InstallationSender

    def post(self, route: str, /, *arguments: object, **data: Any) -> Any:
        return self.client.post(reverse(route, args=arguments), data)


Act = Callable[[Installation], Any]


def row(installation: Installation, **cells: str) -> HttpResponse:
    """Imports one row about the app of the mailbox."""
    site = installation.site
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerow({"directory_id": site.tenant.directory_id, "client_id": site.app.client_id, **cells})
    answer = installation.post("import", file=SimpleUploadedFile("rows.csv", text.getvalue().encode()))
    kept = PendingImport.objects.order_by("created_at").last()
    if kept is None:
        return answer  # type: ignore[no-any-return]
    columns = {f"column-{number}": name for number, name in enumerate(COLUMNS)}
    installation.post("import-columns", kept.pk, **columns)
    kept.refresh_from_db()
    revision = import_steps.revision_of(kept)
    return installation.post("import-preview", kept.pk, revision=revision)  # type: ignore[no-any-return]


def a_guide(installation: Installation) -> SetupProgress:
    site = installation.site
    return SetupProgress.objects.create(
        person=installation.user, tenant=site.tenant, app=site.app, mailbox=site.mailbox
    )


def to_graph(installation: Installation) -> Any:
    """After a test by Graph that was accepted."""
    mailbox = installation.site.mailbox
    Mailbox.objects.filter(pk=mailbox.pk).update(transport="ews")
    Delivery.objects.create(
        purpose="test", dedupe_key=uuid4().hex, recipient="a@x.example", mailbox=mailbox, transport="graph",
        state="sent",
    )  # fmt: skip
    installation.before = InstallationSender.stored()
    return installation.post("mailbox-to-graph", mailbox.pk)


def another_tenant(installation: Installation) -> Any:
    """Then there is no only tenant any more, whose first mailbox sends."""
    app = {"app-name": "More", "app-client_id": str(uuid4()), "app-audience": "AzureADMyOrg"}
    tenant = {"name": "More", "directory_id": str(uuid4()), "cloud": installation.site.tenant.cloud}
    more = {f"tenant-{name}": value for name, value in {**tenant, "time_zone": "UTC", "language": ""}.items()}
    rest = {"secret-value": SECRET, "secret-expires_at": "2027-05-05", "mailbox-transport": "graph"}
    return installation.post("register", **app, **more, **rest)


def app_edited(installation: Installation) -> Any:
    app = installation.site.app
    data = {"name": app.name, "audience": app.audience, "permissions": app.permissions, "new_secret": SECRET}
    return installation.post("app-edit", app.pk, client_id=str(uuid4()), **data)


def tenant_edited(installation: Installation) -> Any:
    tenant = installation.site.tenant
    data = {"name": tenant.name, "cloud": tenant.cloud, "time_zone": "UTC", "language": "", "remove_secrets": "on"}
    return installation.post("tenant-edit", tenant.pk, directory_id=str(uuid4()), **data)


def application_of_the_guide(installation: Installation) -> Any:
    app = installation.site.app
    data = {"name": app.name, "audience": "AzureADMyOrg", "client_id": str(uuid4()), "remove_secrets": "on"}
    return installation.post("guide-application", a_guide(installation).pk, redirect_uri=app.redirect_uri, **data)


def mailbox_of_the_guide(installation: Installation) -> Any:
    address = f"other@{installation.site.tenant.domain}"
    data = {"address": address, "transport": "graph", "sends_reminders": "on"}
    return installation.post("guide-mailbox", a_guide(installation).pk, **data)


def mailbox_edited(installation: Installation) -> Any:
    mailbox = installation.site.mailbox
    data = {"address": "other@x.example", "app": mailbox.app_id, "transport": "graph", "sends_reminders": "on"}
    return installation.post("mailbox-edit", mailbox.pk, **data)


DOORS: dict[str, Act] = {
    "import a secret": lambda made: row(made, secret_description="alert", secret_value=SECRET),
    "import another way of sending": lambda made: row(made, mailbox=made.site.mailbox.address, transport="ews"),
    "edit the tenant": tenant_edited,
    "edit the app": app_edited,
    "edit the mailbox": mailbox_edited,
    "another client id in the guide": application_of_the_guide,
    "another address in the guide": mailbox_of_the_guide,
    "move the mailbox to Graph": to_graph,
    "delete the mailbox": lambda made: made.post("mailbox-delete", made.site.mailbox.pk),
    "delete the app": lambda made: made.post("app-delete", made.site.app.pk),
    "delete the tenant": lambda made: made.post("tenant-delete", made.site.tenant.pk),
    "delete the secret in use": lambda made: made.post("credential-delete", made.site.credential.pk),
    "add another tenant": another_tenant,
}
IMPLICIT_ALONE = {"add another tenant"}
"""A mailbox that was chosen goes on sending."""
GATED = {"edit the mailbox", "move the mailbox to Graph", "delete the mailbox"}
"""Pages of the mailbox itself, which others than owners do not even see."""


@pytest.fixture(params=[True, False], ids=["chosen", "the only tenant's first"])
def made(request: pytest.FixtureRequest, rows: Rows, sandbox: Sandbox) -> Installation:
    """One tenant; the person has no role yet."""
    site = rows.site(sandbox)
    Mailbox.objects.filter(pk=site.mailbox.pk).update(sends_reminders=request.param)
    owner = User.objects.create(email="owner@provider.example", password=hashed_password())
    Membership.objects.create(user=owner, role=Role.OWNER)
    user = User.objects.create(email="me@provider.example", password=hashed_password())
    return Installation(site, user, signed_in_at(Client(), user), InstallationSender.stored())


def play(made: Installation) -> Iterator[tuple[str, Any]]:
    """Each door and its answer, while what it did stands; then it is undone."""
    before = made.before
    for door, act in DOORS.items():
        if not (made.site.mailbox.pk == before.mailbox[0] and before.mailbox[3] and door in IMPLICIT_ALONE):
            with undone():
                yield door, act(made)
            made.before = before


def differs(made: Installation) -> bool:
    return InstallationSender.stored().differs(made.before)


def letters(recipient: str = "owner@provider.example") -> int:
    return Delivery.objects.filter(letters__kind="route", recipient=recipient).count()


@pytest.mark.parametrize("is_everywhere", [True, False], ids=["everywhere", "of that tenant"])
def test_no_administrator_redirects_or_breaks_what_the_installation_sends_by(
    made: Installation, is_everywhere: bool
) -> None:
    tenant = None if is_everywhere else made.site.tenant
    Membership.objects.create(user=made.user, role=Role.ADMINISTRATOR, tenant=tenant)
    for door, answer in play(made):
        assert not differs(made), door
        # People of one tenant are not offered its directory, and what they send of it counts for nothing.
        assert answer.status_code == 403 or (door == "edit the tenant" and not is_everywhere), door
        assert letters() == 0, door
        refused = AuditEntry.objects.filter(act="access.refused", person_id=made.user.pk)
        assert refused.exists() or not is_everywhere, door


def test_an_owner_is_asked_who_they_are_and_all_owners_are_told(made: Installation) -> None:
    Membership.objects.create(user=made.user, role=Role.OWNER)
    signed_in_at(made.client, made.user, time.time() - HOURS_AGO)
    for door, _answer in play(made):
        assert not differs(made), door
        assert letters() == 0, door
    signed_in_at(made.client, made.user)
    for door, _answer in play(made):
        assert differs(made), door
        assert letters() == letters(made.user.email) == 1, door


def test_without_the_guard_each_of_these_pages_lets_an_administrator_do_it(
    made: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    Membership.objects.create(user=made.user, role=Role.ADMINISTRATOR)
    monkeypatch.setattr(sender_guard, "_allow", lambda _request: None)
    assert {door for door, _answer in play(made) if not differs(made)} == GATED
    monkeypatch.setattr(Access, "_owners", lambda *_arguments: None)
    assert {door for door, _answer in play(made) if not differs(made)} == set()


def test_the_answer_may_come_with_the_form_and_a_wrong_one_counts(made: Installation) -> None:
    Membership.objects.create(user=made.user, role=Role.OWNER)
    signed_in_at(made.client, made.user, time.time() - HOURS_AGO)
    tries = ThrottleCounter.objects.count()
    gone = made.site.credential.pk
    assert made.post("credential-delete", gone, **{"confirm-password": "no"}).status_code == 403
    assert not differs(made)
    assert ThrottleCounter.objects.count() > tries
    assert made.post("credential-delete", gone, **{"confirm-password": PASSWORD}).status_code == 302
    assert differs(made)
    assert letters() == 1


def test_an_administrator_renews_the_secret_where_a_token_proves_it(made: Installation, sandbox: Sandbox) -> None:
    """It sends as before, so that takes no owner; what no token proves waits, and the old one is used."""
    Membership.objects.create(user=made.user, role=Role.ADMINISTRATOR)
    data = {"description": "new", "expires_at": "2027-05-05"}
    made.post("credential-replace", made.site.credential.pk, value=SECRET, **data)
    assert made.before == InstallationSender.stored()
    secret = sandbox.directory.add_secret(made.site.app.client_id, expires_at=timezone.now() + timedelta(days=300))
    made.post("credential-replace", made.site.credential.pk, value=str(secret.value), **data)
    assert InstallationSender.stored().credential != made.before.credential
    assert not differs(made)


def test_no_administrator_adds_the_first_mailbox_or_leaves_one_tenant_alone(made: Installation, rows: Rows) -> None:
    """Either would make a mailbox the installation's: of one tenant, without a choice, its first is."""
    Membership.objects.create(user=made.user, role=Role.ADMINISTRATOR)
    Mailbox.objects.update(sends_reminders=False)
    with undone():
        other = rows.tenant("Southgate")
        assert InstallationSender.stored() == InstallationSender()
        assert made.post("tenant-delete", other.pk).status_code == 403
        assert Tenant.objects.count() == 2
    Mailbox.objects.all().delete()
    data = {"address": "first@x.example", "app": made.site.app.pk, "transport": "graph"}
    assert made.post("mailbox-add", **data).status_code == 403
    assert not Mailbox.objects.exists()
    Membership.objects.filter(user=made.user).update(role=Role.OWNER)
    made.client.post(reverse("mailbox-add"), data)
    assert InstallationSender.stored().label == "first@x.example"
    assert letters() == 1


def test_its_page_says_whose_it_is_to_change(made: Installation) -> None:
    Membership.objects.create(user=made.user, role=Role.ADMINISTRATOR)
    page = made.client.get(made.site.mailbox.get_absolute_url()).content.decode()
    assert "only an owner can change it." in page.lower()
    assert reverse("mailbox-edit", args=[made.site.mailbox.pk]) not in page


def test_what_changes_nothing_of_it_is_an_administrators(made: Installation) -> None:
    Membership.objects.create(user=made.user, role=Role.ADMINISTRATOR)
    tenant, app = made.site.tenant, made.site.app
    data = {"name": "Renamed", "directory_id": tenant.directory_id, "cloud": tenant.cloud, "time_zone": "UTC"}
    assert made.post("tenant-edit", tenant.pk, contacts="new@x.example", **data).status_code == 302
    data = {"name": "Renamed", "client_id": app.client_id, "audience": app.audience}
    assert made.post("app-edit", app.pk, **data).status_code == 302
    assert row(made, tenant_name="Again").status_code == 302
    assert Tenant.objects.get().name == "Again"
    assert letters() == 0
