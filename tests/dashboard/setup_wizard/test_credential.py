"""Step 5 of the guide: a secret or a certificate, stored and verified."""

from __future__ import annotations

from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from alertadmin.registry.credentials import certificates
from alertadmin.registry.models import Credential, KeptSecret
from tests.dashboard.setup_wizard.steps import END, There, post, see, up_to


def test_a_wrong_secret_is_explained_and_a_right_one_takes_its_place(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    wrong = "wrong~wrong.wrong-wrong_wrong~wrong12345"
    page = post(signed_in, "credential", {"value": wrong, "expires_at": END})
    assert "The client secret is wrong" in page
    assert wrong not in page
    assert "not verified yet" in page
    page = post(signed_in, "credential", {"value": world.secret(), "expires_at": END})
    assert "Verified and in use." in page
    assert [one.state for one in Credential.objects.order_by("created_at")] == ["retired", "current"]


def test_a_secret_is_not_lost_when_the_network_fails(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    world.sandbox.faults.add(service="token", status=503)
    assert "is stored, but has no token yet" in post(
        signed_in, "credential", {"value": world.secret(), "expires_at": END}
    )
    world.sandbox.faults.clear()
    assert "Verified and in use." in post(signed_in, "prove", {})


def test_a_certificate_made_here_is_proven_once_the_portal_has_it(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    page = post(signed_in, "credential", {"months": "12"}, "?by=make")
    assert "Download the certificate" in page
    assert "The certificate does not match the application" in post(signed_in, "prove", {})
    world.sandbox.directory.add_certificate(world.app, Credential.objects.get().certificate)
    assert "Verified and in use." in post(signed_in, "prove", {})


def test_a_certificate_that_was_made_elsewhere_is_uploaded_with_its_key(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    pair = certificates.generate("ALERT", now=timezone.now(), lasts=timedelta(days=30))
    there = world.sandbox.directory.add_certificate(world.app, pair.certificate)
    assert "The certificate must be in the portal too:" in see(signed_in, "credential", "?by=upload")
    for content, said in (
        (pair.certificate, "It does not contain the private key."),
        (pair.private_key + pair.certificate, "Verified and in use."),
    ):
        file = SimpleUploadedFile("alert.pem", content.encode())
        page = post(signed_in, "credential", {"file": file, "passphrase": ""}, "?by=upload")
        assert said in page
        assert pair.private_key.splitlines()[1] not in page
    assert Credential.objects.get().kind == "certificate"
    assert there.client_id == world.app.client_id


def test_instead_of_a_certificate_that_waits_another_may_be_given(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    page = post(signed_in, "credential", {"months": "12"}, "?by=make")
    assert "Secret value" not in page
    assert 'href="?by=upload">Use another secret or certificate' in page
    assert "Secret value" in see(signed_in, "credential", "?by=secret")
    assert "Verified and in use." in post(
        signed_in, "credential", {"value": world.secret(), "expires_at": END}, "?by=secret"
    )


def test_a_wrong_date_costs_no_secret(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    secret = world.secret()
    page = post(signed_in, "credential", {"value": secret, "expires_at": "soon"})
    assert secret not in page
    [kept] = KeptSecret.objects.all()
    page = post(signed_in, "credential", {"value": "", "expires_at": END, "kept-value": str(kept.pk)})
    assert "Verified and in use." in page
    assert not KeptSecret.objects.exists()
