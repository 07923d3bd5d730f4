"""Items 8 and 24: hostile names in every mail, calendar, channel message and page title.

Every text column that may contain a name gets a hostile one, found in the model registry, so that new columns are
included. Then a mail of each purpose is composed and parsed as a mail client does.
"""

from __future__ import annotations

import html as html_library
import json
import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.test import Client

from alertadmin import audit
from alertadmin.accounts.email_address import CanonicalAddressField, EmailAddressField
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, users
from alertadmin.crypto.fields import EncryptedField
from alertadmin.dashboard.templatetags.alertadmin_ui import page_title
from alertadmin.monitoring import owner_notices, system_mails
from alertadmin.monitoring.models import SystemMailKind
from alertadmin.outbox.delivery import fallback
from alertadmin.outbox.mails import composers, consent_request, password_reset, renewal_request
from alertadmin.outbox.mails import invitation as mails_invitation
from alertadmin.outbox.models import Attempt, Channel, Delivery, Level, Purpose
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.credentials import disclosure, one_time_link
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Credential, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.reminders.calendar import feeds
from alertadmin.reminders.models import CalendarEntry, CalendarFeed, ReminderKind
from alertadmin.reminders.scan import scanner
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.outbox.factories import bare

pytestmark = pytest.mark.control(115)

DUTY = "duty@northpark.example"
HOSTILE = (
    "URGENT\u202e https://evil.example/a evil.example/b é.evil.example evil．example evil。example ada@evil.example "
    "\\\\evil\\c \u200bevil\u200b.\u2060example\u009b31m\r\nBcc: x@evil.example"
)
SHORT = 24
"""Shorter columns get as much of it as they hold, from `evil` on."""
OURS = ("auth", "contenttypes", "sessions", "account", "socialaccount", "mfa", "django_celery_beat")
FACTS = {
    "Tenant.directory_id", "Tenant.domain", "Tenant.cloud", "Tenant.time_zone", "Tenant.language",
    "AppRegistration.client_id", "AppRegistration.redirect_uri", "User.time_zone", "User.language", "User.password",
    "User.made_by", "Mailbox.server", "Channel.hint", "Channel.service", "Channel.label", "Consent.permission",
    "ConsentChange.permission", "Invitation.language", "Membership.provider", "Credential.certificate",
}  # fmt: skip
"""Columns that are checked as what they are: ids, domains, codes, zones, and kinds of service."""
MACHINE = (Delivery, Attempt, audit.AuditEntry)
"""Written by the program alone; what a person typed comes into them from the other rows, which hold it here too."""


def text_columns(model: type[models.Model]) -> list[models.Field[object, object]]:
    """Which hold what a person, a file or a server wrote."""
    found = []
    for field in model._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField) and not field.choices
        is_key = field.primary_key or field.unique or field.is_relation
        is_checked = isinstance(field, EmailAddressField | CanonicalAddressField | EncryptedField | models.JSONField)
        label = f"{model.__name__}.{field.name}"
        if is_text and not is_key and not is_checked and label not in FACTS and not _is_code(field):
            found.append(field)
    return found


def _is_code(field: models.Field[object, object]) -> bool:
    """Ids, digests, codes of causes and addresses in lower case are made by the program."""
    return field.name.endswith(
        ("digest", "key", "key_id", "nonce", "cause", "recipient", "about", "email", "thumbprint")
    )


def hostile(field: models.Field[object, object]) -> str:
    most = field.max_length or 2000
    return HOSTILE[:most] if most > SHORT else "evil.example/a"[:most]


def poison() -> set[str]:
    """Returns the columns that were filled."""
    filled = set()
    for model in apps.get_models():
        if model._meta.app_label in OURS or model in MACHINE:
            continue
        columns = text_columns(model)
        if columns and model._default_manager.exists():
            with transaction.atomic():
                model._base_manager.update(**{one.name: hostile(one) for one in columns})
            filled |= {f"{model.__name__}.{one.name}" for one in columns}
    return filled


@pytest.fixture
def world(rows: Rows, administrator: User, now: datetime) -> User:
    """One of everything that a name can stand in; the installation's owner."""
    tenant = rows.tenant("T", [DUTY])
    app = rows.app(tenant, permissions=[Permission.MAIL_SEND])
    rows.credential(app, days=2, value="CANARY~words-0123456789")
    rows.credential(rows.app(tenant, name="B"), days=5, value="CANARY~words-9876543210")
    Mailbox.objects.create(tenant=tenant, app=app, address="alarms@northpark.example", transport=TransportName.EWS)
    Consent.objects.create(app=app, tenant=tenant, permission=Permission.MAIL_SEND, status=ConsentStatus.NOT_IN_TOKEN)
    places: list[dict[str, Any]] = [{"tenant": tenant}, {"app": app}, {}]
    for number, fields in enumerate(places):
        channel = Channel(
            name=f"C{number}",
            line=Level.FIRST,
            label="Webhook",
            service="webhook",
            hint="hooks.northpark.example",
            **fields,
        )
        channel.address = "https://hooks.northpark.example/x"
        channel.save()
    CalendarFeed.objects.create(owner=administrator, tenant=tenant, digest="1" * 64, created_at=now)
    CalendarFeed.objects.create(owner=administrator, digest="2" * 64, created_at=now)
    poison()
    return administrator


def owe_all(owner: User, now: datetime) -> None:
    """One delivery of each purpose at least, as the product writes them."""
    tenant, app = Tenant.objects.get(), AppRegistration.objects.get(consents__isnull=False)
    first, second = Credential.objects.order_by("expires_at")
    mailbox = Mailbox.objects.get()
    scanner.run(now)
    invitation = invitations.invite("new@provider.example", {tenant.pk: Role.VIEWER}, by=owner, now=now)
    mails_invitation.send(invitation, now, by=owner)
    consent_request.request_consent(app, tenant, "admin@northpark.example", by=owner, now=now)
    renewal_request.request_renewal(tenant, [first, second], DUTY, by=owner, key="k", now=now)
    users.set_role(User.objects.create(email="grace@provider.example"), None, Role.OPERATOR, by=owner)
    password_reset.send_reset_link(owner.email, now)
    disclosure.disclose(first, by=owner, reason=HOSTILE, now=now)
    token = one_time_link.create(
        second, recipient=HOSTILE, reason=HOSTILE, lifetime=timedelta(hours=1), by=owner, now=now
    )
    assert one_time_link.open_once(token, now)
    with transaction.atomic():
        audit.record(audit.AuditAction.PASSWORD_CHANGED, owner, by=owner, now=now)
        for changed in (mailbox, *Channel.objects.all()):
            owner_notices.notify_owners(changed, now)
    test_send.create(mailbox, owner.email, now=now)
    test_send.create(mailbox, owner.email, sends_as="other@northpark.example", now=now)
    for channel in Channel.objects.all():
        test_send.create_for_channel(channel, now=now)
    failed = bare(1, now, state="failed", cause="recipient_rejected", dedupe_key="bare", recipient=DUTY)
    system_mails.write(now)
    system_mails.write_one(SystemMailKind.MONTHLY, ["2026-11"], owner.email, now, now)
    failed[0].delete()
    [sent] = bare(1, now, state="sent", settled_at=now, dedupe_key="the entry", purpose=Purpose.TEST)
    for kind in (ReminderKind.CREDENTIAL, ReminderKind.EWS):
        what = HOSTILE[:200] if kind == ReminderKind.CREDENTIAL else mailbox.address
        CalendarEntry.objects.create(
            delivery=sent, recipient=DUTY, kind=kind, thing=uuid4(), tenant=tenant, ends_at=now, sequence=1,
            what=what, app_name=HOSTILE[:120],
        )  # fmt: skip
    scanner.run(now + timedelta(minutes=40))


# Reading it


NEAR = re.compile(r"[/\\@.．。｡․:]\s?evil|evil\s?[@.．。｡․/\\:]", re.IGNORECASE)
HREF = re.compile(r"""(?:href|src)=["']([^"']*)""")


def read(words: str, *, one_line: bool = False) -> None:
    """As a mail program, a calendar or a chat shows it, which makes links of what looks like one."""
    for shown in (words, unicodedata.normalize("NFKC", words), html_library.unescape(words)):
        assert not NEAR.search(shown), NEAR.search(shown)
        assert "Bcc:" not in shown
        assert not re.search(r"(?m)^\W*URGENT", shown.replace("“", "“¶")) or "“" in shown
    strange = {f"U+{ord(one):04X}" for one in words if unicodedata.category(one) in ("Cf", "Cc", "Cs") and one != "\n"}
    assert strange - {"U+000D"} == set()
    assert not one_line or "\n" not in words


def links_of(markup: str) -> set[str]:
    return {html_library.unescape(one) for one in HREF.findall(markup)}


def may_be_linked(link: str) -> bool:
    return link.startswith((settings.PUBLIC_URL, "https://login.microsoftonline.com/", "https://link.invalid/"))


def unfolded(calendar: str) -> str:
    return calendar.replace("\r\n ", "").replace("\r\n", "\n").replace("\\n", "\n").replace("\\", "")


def test_08_no_mail_calendar_or_channel_carries_a_link_of_a_persons_choosing(world: User, now: datetime) -> None:
    owe_all(world, now)
    filled = poison()
    CalendarEntry.objects.filter(kind=ReminderKind.EWS).update(
        what=Mailbox.objects.get().address
    )  # an address, checked
    assert {"Tenant.name", "AppRegistration.name", "Credential.description", "Channel.name", "User.name"} <= filled
    assert {
        "CalendarEntry.app_name",
        "ConsentRequest.by_name",
        "OneTimeLink.by_name",
    } <= filled  # and, written afterwards, of renewal requests
    composed: dict[str, int] = {}
    for delivery in Delivery.objects.exclude(dedupe_key="the entry"):
        made = composers.compose(delivery, now + timedelta(minutes=50))
        if not isinstance(made, composers.Content):
            assert delivery.purpose == Purpose.REMINDER, (delivery, made)  # another scan's mail told it
            continue
        kind = f"{delivery.purpose} by channel" if delivery.uses_channel else delivery.purpose
        composed[kind] = composed.get(kind, 0) + 1
        read(made.subject, one_line=True)
        assert made.subject.startswith(("“", "«")) or not made.subject.startswith("URGENT")
        read(made.text)
        read(made.brief)
        read(made.html)
        read(json.dumps(made.details, ensure_ascii=False))
        assert all(may_be_linked(link) for link in links_of(made.html)), links_of(made.html)
        for attached in made.attachments:
            read(attached.name, one_line=True)
            read(unfolded(attached.content.decode()))
        if delivery.uses_channel:
            continue
        delivery.composed_at = now  # and told by a channel of last resort, should no mail leave
        notice = fallback.fallback_notification(delivery, made, None)
        read(notice.subject, one_line=True)
        read(notice.text)
    assert set(composed) >= {*map(str, Purpose.values), "reminder by channel", "test by channel"}, composed


@pytest.mark.parametrize("language", ["en", "fr"])
def test_08_no_calendar_that_is_subscribed_to_does(world: User, now: datetime, language: str) -> None:
    User.objects.update(language=language)
    for feed in CalendarFeed.objects.select_related("owner", "tenant"):
        shown = b"".join(feeds.content_of(feed, now)).decode()
        assert "BEGIN:VEVENT" in shown
        read(unfolded(shown))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Contoso.com &amp; Söhne", "Contoso.com &amp; Söhne"),
        ("a\r\nb\u009bc", "a b c"),
        ("\u202egnp.exe\u200b\u2066", "gnp.exe"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_08_a_pages_title_is_one_short_line(words: str, shown: str) -> None:
    assert page_title(words) == shown


def test_08_every_page_of_a_thing_has_such_a_title(world: User, client: Client) -> None:
    browser = signed_in_at(client, world)
    pages = [
        one for model in apps.get_models() for one in model._base_manager.all() if hasattr(one, "get_absolute_url")
    ]
    titles = []
    for thing in pages:
        page = browser.get(thing.get_absolute_url()).content.decode()
        titles += re.findall(r"<title>(.*?)</title>", page.partition("<body")[0], re.DOTALL)
    assert len(titles) == len(pages) >= 5
    for title in map(html_library.unescape, titles):
        assert len(title) < 150
        assert not [one for one in title if unicodedata.category(one) in ("Cf", "Cc", "Cs")]
