"""A certificate in place of a secret, on the pages: made here, uploaded, proven, renewed, handed to the portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery
from alertadmin.registry.credentials import certificates
from alertadmin.registry.credentials.certificates import KeyPair
from alertadmin.registry.models import Credential, CredentialState
from sandbox import Sandbox
from tests.factories import Rows, Site


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
