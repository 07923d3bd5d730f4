"""Personal accounts: sign-in by device code; refresh tokens are encrypted, rotated and refreshed in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import requests
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from alertadmin.outbox.delivery.tenant_mailboxes import mailboxes_of
from alertadmin.registry.consent import checks
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from alertadmin.registry.models import Consent, DeviceCodeFlow, DeviceCodeState, Mailbox, SignInAudience
from alertadmin.registry.permissions import TransportName
from alertadmin.registry.personal import device_code as personal_device_code
from alertadmin.registry.personal import refresh_tokens
from mailer import tokens
from mailer.errors import SendError
from sandbox import Sandbox
from tests.factories import Rows

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)
Decide = Callable[..., None]


@pytest.fixture
def account(rows: Rows, sandbox: Sandbox) -> Mailbox:
    return personal(rows, sandbox)


def personal(rows: Rows, sandbox: Sandbox, transport: TransportName = TransportName.GRAPH) -> Mailbox:
    """An account that exists here and in the sandbox, not signed in."""
    site = rows.site(sandbox)
    there = sandbox.directory.add_app(site.tenant.directory_id, "At home", personal_accounts=True, public_client=True)
    address = f"me.{site.tenant.domain.partition('.')[0]}@outlook.example"
    sandbox.directory.add_account(address)
    app = rows.app(site.tenant, "At home", client_id=there.client_id, audience=SignInAudience.PERSONAL)
    return Mailbox.objects.create(tenant=site.tenant, app=app, address=address, transport=transport, is_personal=True)


@pytest.fixture
def decide(sandbox: Sandbox) -> Decide:
    def decided(sign_in: DeviceCodeFlow, decision: str = "accept", account: str = "") -> None:
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(sandbox.ca_file)
            who = account or sign_in.mailbox.address
            form = {"otc": sign_in.user_code, "account": who, "decision": decision}
            session.post(sign_in.page, data=form, timeout=10)

    return decided


def later(sign_in: DeviceCodeFlow, seconds: float = 6) -> DeviceCodeFlow:
    return personal_device_code.poll(sign_in, now=NOW + timedelta(seconds=seconds))


def asked(sandbox: Sandbox) -> int:
    return sum(one["kind"] == "token" and one["tenant"] == "consumers" for one in sandbox.ledger.entries())


def begun(mailbox: Mailbox, now: datetime = NOW) -> DeviceCodeFlow:
    return personal_device_code.start(mailbox, now=now)[0]


def confirmed(sign_in: DeviceCodeFlow, seconds: float = 6) -> DeviceCodeFlow:
    """The code was entered, and the administrator who started the flow confirmed the account."""
    assert later(sign_in, seconds).state == DeviceCodeState.HELD
    return personal_device_code.confirm(sign_in, now=NOW + timedelta(seconds=seconds))


def sign(mailbox: Mailbox, decide: Decide) -> Mailbox:
    sign_in = begun(mailbox)
    decide(sign_in)
    assert confirmed(sign_in).state == DeviceCodeState.DONE
    mailbox.refresh_from_db()
    return mailbox


def stored(mailbox: Mailbox) -> str:
    mailbox.refresh_from_db()
    assert mailbox.refresh_token is not None
    return mailbox.refresh_token.decrypt()


# Signing in


def test_entered_code_stores_an_encrypted_refresh_token(account: Mailbox, decide: Decide) -> None:
    sign_in = begun(account)
    assert later(sign_in).state == DeviceCodeState.WAITING
    decide(sign_in)
    done = confirmed(sign_in, 12)
    account.refresh_from_db()
    assert done.state == DeviceCodeState.DONE
    assert account.signed_in_at == NOW + timedelta(seconds=12)
    assert account.sign_in_ends_at == account.signed_in_at + 90 * DAY
    assert account.is_signed_in(NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT refresh_token FROM registry_mailbox WHERE refresh_token IS NOT NULL")
        assert cursor.fetchone()[0].startswith("v2.")


def test_used_codes_are_cleared(account: Mailbox, decide: Decide) -> None:
    sign(account, decide)
    sign_in = DeviceCodeFlow.objects.get()
    assert (sign_in.user_code, sign_in.device_code) == ("", None)


def test_poll_interval_is_respected(account: Mailbox, sandbox: Sandbox) -> None:
    sign_in = begun(account)
    before = asked(sandbox)
    for seconds in (1, 2, 6, 6, 7, 12):
        later(DeviceCodeFlow.objects.get(pk=sign_in.pk), seconds)
    assert asked(sandbox) - before == 2


def test_declined_sign_in_is_shown(account: Mailbox, decide: Decide) -> None:
    sign_in = begun(account)
    decide(sign_in, "cancel")
    assert later(sign_in).state == DeviceCodeState.DECLINED
    account.refresh_from_db()
    assert account.refresh_token is None


def test_expired_code_is_not_polled(account: Mailbox, sandbox: Sandbox) -> None:
    sign_in = begun(account)
    before = len(sandbox.ledger.entries())
    assert later(sign_in, 1000).state == DeviceCodeState.EXPIRED
    assert len(sandbox.ledger.entries()) == before


def test_another_account_s_sign_in_is_not_kept(account: Mailbox, sandbox: Sandbox, decide: Decide) -> None:
    other = sandbox.directory.add_account(f"other-{account.address}").address
    sign_in = begun(account)
    decide(sign_in, account=other)
    assert later(sign_in).state == DeviceCodeState.OTHER_ACCOUNT
    account.refresh_from_db()
    assert (account.refresh_token, DeviceCodeFlow.objects.get().account) == (None, other)


def test_busy_server_is_polled_again(account: Mailbox, sandbox: Sandbox, decide: Decide) -> None:
    sign_in = begun(account)
    decide(sign_in)
    assert account.app
    sandbox.faults.add(service="token", status=503, mailbox=account.app.client_id)
    assert later(sign_in).state == DeviceCodeState.WAITING
    assert confirmed(sign_in, 12).state == DeviceCodeState.DONE


def test_app_without_personal_accounts_is_explained(rows: Rows, sandbox: Sandbox) -> None:
    site = rows.site(sandbox)
    box = Mailbox.objects.create(tenant=site.tenant, app=site.app, address="a@outlook.example", is_personal=True)
    sign_in = begun(box)
    assert (sign_in.state, sign_in.cause) == (DeviceCodeState.FAILED, "account_personal_unsupported")


# Using it


def sent_by(mailbox: Mailbox, transport: str = "") -> dict[str, Any]:
    """The output of the command for a test send."""
    out = StringIO()
    with suppress(SystemExit):
        call_command("send_test", mailbox.address, to="oncall@x.example", transport=transport, json=True, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("transport", [TransportName.GRAPH, TransportName.SMTP])
def test_it_sends_through_the_outbox(rows: Rows, sandbox: Sandbox, decide: Decide, transport: TransportName) -> None:
    mailbox = sign(personal(rows, sandbox, transport), decide)
    before = stored(mailbox)
    assert sent_by(mailbox)["outcome"] == "sent"
    assert sandbox.ledger.messages()[-1]["mailbox"] == mailbox.address
    assert stored(mailbox) != before


@pytest.mark.django_db(transaction=True)
def test_ews_is_refused_with_a_reason(account: Mailbox, decide: Decide) -> None:
    assert sent_by(sign(account, decide), "ews")["cause"] == "account_personal_unsupported"


def test_missing_sign_in_is_explained(account: Mailbox) -> None:
    with pytest.raises(SecretUnavailable, match="has not signed in"):
        refresh_tokens.signed_in_account(account)


def test_parallel_renewals_do_not_overwrite_each_other(account: Mailbox, decide: Decide) -> None:
    first = refresh_tokens.signed_in_account(sign(account, decide))
    second = refresh_tokens.signed_in_account(account)
    for one in (first, second):
        tokens.acquire(one, one.graph_scope)
    token = stored(account)
    assert token not in (first.refresh_token, second.refresh_token)
    assert tokens.acquire(refresh_tokens.signed_in_account(account), first.graph_scope).value


def test_a_late_renewal_leaves_a_newer_sign_in_alone(account: Mailbox, decide: Decide) -> None:
    old = refresh_tokens.signed_in_account(sign(account, decide))
    sign_in = begun(account, NOW + DAY)
    decide(sign_in)
    personal_device_code.poll(sign_in, now=NOW + DAY + timedelta(seconds=9))
    personal_device_code.confirm(sign_in, now=NOW + DAY + timedelta(seconds=9))
    newer = stored(account)
    assert old.store
    old.store.save_renewed("of-the-old-sign-in")
    old.store.mark_ended(SendError("user_sign_in_needed", "revoked"))
    assert stored(account) == newer
    assert account.is_signed_in(NOW + 2 * DAY)


def test_revoked_sign_in_is_marked_ended(account: Mailbox, sandbox: Sandbox, decide: Decide) -> None:
    person = refresh_tokens.signed_in_account(sign(account, decide), clock=lambda: NOW + DAY)
    sandbox.directory.revoke_sign_ins(account.address)
    with pytest.raises(SendError, match="user_sign_in_needed"):
        tokens.acquire(person, person.graph_scope)
    account.refresh_from_db()
    assert account.sign_in_ends_at == NOW + DAY
    assert not account.is_signed_in(NOW + DAY)


def test_reminders_are_sent_while_signed_in(account: Mailbox, decide: Decide) -> None:
    def ways() -> list[Mailbox]:
        return mailboxes_of(account.tenant_id, NOW)

    assert account not in ways()
    sign(account, decide)
    assert account in ways()


# Used in time


@pytest.mark.parametrize(("days", "used"), [(27, 0), (29, 1), (89, 1), (91, 0)])
def test_each_is_used_once_a_month(account: Mailbox, decide: Decide, days: int, used: int) -> None:
    sign(account, decide)
    now = NOW + timedelta(days=days)
    assert len(list(refresh_tokens.refresh_unused(now=now))) == used
    account.refresh_from_db()
    assert (account.sign_in_ends_at == now + 90 * DAY) == bool(used)
    assert list(refresh_tokens.refresh_unused(now=now)) == []


def test_network_errors_do_not_end_a_sign_in(account: Mailbox, sandbox: Sandbox, decide: Decide) -> None:
    sign(account, decide)
    assert account.app
    sandbox.faults.add(service="token", status=503, mailbox=account.app.client_id)
    ((_mailbox, failure),) = refresh_tokens.refresh_unused(now=NOW + 40 * DAY)
    assert failure
    assert failure.cause == "transient"
    account.refresh_from_db()
    assert account.is_signed_in(NOW + 40 * DAY)
    assert len(list(refresh_tokens.refresh_unused(now=NOW + 41 * DAY))) == 1


def test_command_reports_refreshed_sign_ins(account: Mailbox, sandbox: Sandbox, decide: Decide) -> None:
    sign(account, decide)
    Mailbox.objects.filter(pk=account.pk).update(sign_in_ends_at=NOW + 50 * DAY)
    out = StringIO()
    call_command("keep_sign_ins", json=True, stdout=out)
    assert json.loads(out.getvalue())["used"] == 1


# Constraints


@pytest.mark.parametrize(
    "fields", [{"is_personal": True, "transport": "ews"}, {"is_personal": False, "signed_in_at": NOW}]
)
def test_impossible_combinations_are_refused(rows: Rows, fields: dict[str, object]) -> None:
    app = rows.app()
    mailbox = Mailbox(tenant=app.tenant, app=app, address="a@outlook.example", **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        mailbox.save()
    with pytest.raises(ValidationError):
        mailbox.full_clean()


def test_no_administrator_is_asked_to_consent_for_a_personal_account(account: Mailbox) -> None:
    assert account.app
    sync_required_consents([account.app])
    assert not Consent.objects.filter(app=account.app).exists()
    assert list(checks.required_pairs([account.app])) == []
