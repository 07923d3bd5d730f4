"""A certificate in place of a secret, on the pages: made here, uploaded, proven, renewed, handed to the portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery
from alertadmin.registry.credentials import certificates, rotation
from alertadmin.registry.credentials.certificates import KeyPair
from alertadmin.registry.models import Credential, CredentialState
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.registry.test_certificates import valid


def a_pair(days: int = 365) -> KeyPair:
    return certificates.generate("ALERT", now=timezone.now(), lasts=timedelta(days=days))


def upload(client: Client, app: object, content: str, **fields: str) -> str:
    file = SimpleUploadedFile("alert.pem", content.encode())
    url = reverse("certificate-add", args=[app])
    return client.post(url, {"file": file, **fields}, follow=True).content.decode()


def make(client: Client, site: Site) -> Credential:
    page = client.post(
        reverse("certificate-make", args=[site.app.pk]), {"months": "12", "description": "made"}, follow=True
    )
    assert "Now upload its certificate in the portal." in page.content.decode()
    return Credential.objects.get(app=site.app, description="made")


def test_one_made_here_waits_until_the_portal_knows_it(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    made = make(signed_in, site)
    assert (made.kind, made.state) == ("certificate", CredentialState.NEXT)
    assert made.expires_at - timezone.now() > timedelta(days=364)
    too_early = signed_in.post(reverse("credential-promote", args=[made.pk])).content.decode()
    assert "The new certificate got no token" in too_early
    assert "AADSTS700027" in too_early
    downloaded = signed_in.get(reverse("credential-certificate", args=[made.pk]))
    assert downloaded.headers["Content-Disposition"] == 'attachment; filename="alert.cer"'
    sandbox.directory.add_certificate(site.app.client_id, downloaded.content)
    signed_in.post(reverse("credential-promote", args=[made.pk]))
    states = dict(Credential.objects.filter(app=site.app).values_list("description", "state"))
    assert states == {"alert": "retired", "made": "current"}


def test_a_test_mail_leaves_by_a_certificate_alone(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    site.credential.delete()
    pair = a_pair()
    sandbox.directory.add_certificate(site.app.client_id, pair.certificate)
    assert "The certificate is stored and in use." in upload(
        signed_in, site.app.pk, pair.certificate + pair.private_key
    )
    sent = {"recipient": "ada@northpark.example", "transport": "graph"}
    signed_in.post(reverse("test-send", args=[site.mailbox.pk]), sent)
    worker.deliver_due()
    assert Delivery.objects.get().state == "sent"


def test_one_that_is_uploaded_is_proven_at_once_and_never_shown(
    sandbox: Sandbox, rows: Rows, signed_in: Client
) -> None:
    site = rows.site(sandbox)
    pair = a_pair()
    sandbox.directory.add_certificate(site.app.client_id, pair.certificate)
    page = upload(signed_in, site.app.pk, pair.private_key + pair.certificate, description="plant")
    assert "The new one is verified and now in use;" in page
    stored = Credential.objects.get(description="plant")
    assert (stored.state, stored.expires_at) == (CredentialState.CURRENT, pair.expires_at)
    assert stored.value
    assert stored.value.decrypt() == pair.private_key
    page = signed_in.get(stored.get_absolute_url()).content.decode()
    assert "PRIVATE KEY" not in page
    assert set(certificates.thumbprints(pair.certificate)) <= set(page.replace("<", ">").split(">"))


def test_its_id_in_entra_is_kept_and_may_be_entered_later(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site, pair = rows.site(sandbox), a_pair()
    key_id = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
    thumbprint = certificates.thumbprints(pair.certificate)[0]
    content = pair.private_key + pair.certificate
    assert "This is not an ID" in upload(signed_in, site.app.pk, content, key_id=thumbprint)
    upload(signed_in, site.app.pk, content, key_id=f"{{{key_id.upper()}}}", description="plant")
    stored = Credential.objects.get(description="plant")
    page = signed_in.get(stored.get_absolute_url()).content.decode()
    assert stored.key_id == key_id
    assert "Certificate ID" in page
    assert key_id in page
    edit = reverse("credential-edit", args=[stored.pk])
    assert "Certificate ID" in signed_in.get(edit).content.decode()
    other = key_id.replace("1b9d", "2c0e")
    signed_in.post(edit, {"description": "plant", "key_id": other})
    stored.refresh_from_db()
    assert (stored.key_id, stored.expires_at) == (other, pair.expires_at)


def test_a_certificate_is_renewed_with_the_same_key(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    pair = a_pair()
    sandbox.directory.add_certificate(site.app.client_id, pair.certificate)
    upload(signed_in, site.app.pk, pair.private_key + pair.certificate)
    assert "The new one is verified and now in use;" in upload(
        signed_in, site.app.pk, pair.private_key + pair.certificate
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The submitted file is empty."),
        ("hello", "This is neither a PFX file nor PEM text."),
        ("x" * 100_001, "This file is too large for a certificate with its key."),
    ],
)
def test_what_is_no_certificate_is_refused_and_nothing_changes(
    rows: Rows, signed_in: Client, content: str, words: str
) -> None:
    app = rows.credential().app
    assert words in upload(signed_in, app.pk, content)
    assert Credential.objects.count() == 1


def test_one_that_has_ended_is_refused(rows: Rows, signed_in: Client) -> None:
    old = certificates.generate("ALERT", now=datetime(2024, 1, 1, tzinfo=UTC), lasts=timedelta(days=30))
    page = upload(signed_in, rows.app().pk, old.private_key + old.certificate)
    assert "This certificate has expired. Create a new one." in page
    assert not Credential.objects.exists()


def test_its_dates_are_its_own_and_its_description_is_ours(rows: Rows, signed_in: Client) -> None:
    app, pair = rows.app(), a_pair()
    upload(signed_in, app.pk, pair.private_key + pair.certificate)
    stored = Credential.objects.get()
    url = reverse("credential-edit", args=[stored.pk])
    assert 'name="expires_at"' not in signed_in.get(url).content.decode()
    signed_in.post(url, {"description": "plant", "expires_at": "2030-01-01"})
    stored.refresh_from_db()
    assert (stored.description, stored.expires_at) == ("plant", pair.expires_at)


def test_a_secret_has_no_certificate_to_download(rows: Rows, signed_in: Client) -> None:
    credential = rows.credential()
    answer = signed_in.get(reverse("credential-certificate", args=[credential.pk]))
    assert answer.headers["Location"] == credential.get_absolute_url()


def starting_in(days: int, pair_days: int = 365) -> KeyPair:
    return certificates.generate("ALERT", now=timezone.now() + timedelta(days=days), lasts=timedelta(days=pair_days))


def test_the_first_one_waits_for_its_start_date(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    site.credential.delete()
    pair = starting_in(10)
    sandbox.directory.add_certificate(site.app.client_id, pair.certificate)
    page = upload(signed_in, site.app.pk, pair.certificate + pair.private_key)
    assert "It is stored and starts on" in page
    assert "in 9 days" in page or "in 10 days" in page
    stored = Credential.objects.get()
    assert stored.state == CredentialState.NEXT
    sent = {"recipient": "ada@northpark.example", "transport": "graph"}
    signed_in.post(reverse("test-send", args=[site.mailbox.pk]), sent)
    worker.deliver_due()
    delivery = Delivery.objects.get()
    assert delivery.state != "sent"
    assert "is not used before" in signed_in.get(reverse("delivery", args=[delivery.pk])).content.decode()
    assert rotation.promote_overdue(now=timezone.now()) == []
    page = signed_in.post(reverse("credential-promote", args=[stored.pk]), follow=True).content.decode()
    assert "It is verified and used from then on." in page
    [done] = rotation.promote_overdue(now=timezone.now() + timedelta(days=11))
    assert done.credential == stored


def test_a_further_one_waits_beside_the_one_in_use(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    pair = starting_in(10)
    sandbox.directory.add_certificate(site.app.client_id, pair.certificate)
    assert "It is stored and starts on" in upload(signed_in, site.app.pk, pair.certificate + pair.private_key)
    states = dict(Credential.objects.filter(app=site.app).values_list("description", "state"))
    assert states == {"alert": "current", "": "next"}


@pytest.mark.parametrize(("days", "state"), [(10, "next"), (-10, "current")])
def test_a_secret_with_a_later_start_date_waits_too(rows: Rows, signed_in: Client, days: int, state: str) -> None:
    app = rows.app()
    dates = {"starts_at": days, "expires_at": 400}
    form = {name: f"{timezone.now() + timedelta(days=number):%Y-%m-%d}" for name, number in dates.items()}
    value = "abc8Q~canary.canary-canary_canary~canary12"
    page = signed_in.post(reverse("credential-add", args=[app.pk]), {"value": value, **form}, follow=True)
    assert ("starts on" in page.content.decode()) == (state == "next")
    assert Credential.objects.get().state == state


def test_one_without_end_is_refused(rows: Rows, signed_in: Client) -> None:
    pair = a_pair()
    key = load_pem_private_key(pair.private_key.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    endless = valid(datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), key)
    assert "This certificate never expires" in upload(signed_in, rows.app().pk, endless + pair.private_key)
    assert not Credential.objects.exists()
