"""A person's own second factors: added, used, counted, taken away."""

from __future__ import annotations

import base64
import json
import re
import time
from html import unescape
from typing import Any

import pytest
from allauth.core.context import request_context
from allauth.mfa.models import Authenticator
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory
from django.urls import reverse
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alertadmin.accounts.mfa import passkeys
from alertadmin.accounts.mfa.passkeys import PasskeySignInForm, SecondStepPasskeyForm
from alertadmin.accounts.models import User
from alertadmin.adapters.allauth import begin_passkey_authentication, begin_passkey_registration
from alertadmin.dashboard.security.forms import PasskeyForm
from alertadmin.registry.models import MfaSecret
from tests.conftest import PASSWORD
from tests.helpers.login import signed_in_at
from tests.helpers.mfa import add_app, code, recovery_codes

ADD = "/profile/security/authenticator/"
STEP = "/sign-in/second-step/"


def words(client: Client, name: str = "security") -> str:
    return unescape(client.get(reverse(name)).content.decode())


def shown_secret(client: Client) -> str:
    match = re.search(r'data-copy="([A-Z2-7]{32})"', words(client, "authenticator-add"))
    assert match
    return match[1]


def shown_codes(page: str) -> list[str]:
    return re.findall(r'<li class="id">(\d{8})</li>', page)


def test_an_app_is_added_by_the_code_that_it_shows(signed_in: Client, administrator: User) -> None:
    cache.clear()
    assert "Your password alone is enough to sign in." in words(signed_in)
    secret = shown_secret(signed_in)
    assert "This code is not right." in unescape(signed_in.post(ADD, {"code": "000000"}).content.decode())
    assert shown_secret(signed_in) == secret
    made = signed_in.post(ADD, {"code": code(secret=secret)}).content.decode()
    assert len(set(shown_codes(made))) == 10
    page = words(signed_in)
    assert "10 recovery codes are left." in page
    assert "Your password alone is enough to sign in." not in page
    assert signed_in.get(ADD).headers["Location"] == reverse("security")
    # From the next sign-in on it is asked for.
    again = Client()
    form = {"username": administrator.email, "password": PASSWORD}
    assert again.post(reverse("sign-in"), form).headers["Location"] == STEP
    assert "This code was already used." in again.post(STEP, {"code": code(secret=secret)}).content.decode()
    assert again.post(STEP, {"code": shown_codes(made)[3]}).status_code == 302
    assert "9 recovery codes are left." in words(signed_in)


@pytest.mark.control(1)
def test_its_secret_is_in_clear_nowhere_while_it_is_added_nor_after(signed_in: Client, administrator: User) -> None:
    secret = shown_secret(signed_in)
    assert all(secret not in str(row.get_decoded()) for row in Session.objects.all())
    signed_in.post(ADD, {"code": code(secret=secret)})
    assert all(secret not in str(one.data) for one in Authenticator.objects.all())
    assert MfaSecret.objects.filter(person=administrator).count() == 2
    assert "authenticator" not in signed_in.session


def test_the_picture_holds_the_same_key_and_nothing_foreign(signed_in: Client) -> None:
    page = signed_in.get(ADD).content.decode()
    match = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert match
    assert b"<svg" in base64.b64decode(match[1])


def test_recovery_codes_are_shown_once_and_the_file_is_the_same(signed_in: Client, administrator: User) -> None:
    add_app(administrator)
    old = recovery_codes(administrator)
    page = signed_in.post(reverse("recovery-codes-make")).content.decode()
    codes = shown_codes(page)
    assert codes == recovery_codes(administrator)
    assert not set(codes) & set(old)
    match = re.search(r'href="data:text/plain;base64,([^"]+)"\s+download', page)
    assert match
    assert base64.b64decode(match[1]).decode().split() == codes
    assert not any(one in words(signed_in) for one in codes)
    assert signed_in.get(reverse("recovery-codes-make")).headers["Location"] == reverse("security")


def test_without_a_second_factor_there_are_no_recovery_codes(signed_in: Client, administrator: User) -> None:
    assert signed_in.post(reverse("recovery-codes-make")).headers["Location"] == reverse("security")
    assert not Authenticator.objects.exists()


def test_the_last_factor_takes_the_codes_and_all_secrets_with_it(signed_in: Client, administrator: User) -> None:
    app = add_app(administrator)
    signed_in.post(reverse("factor-remove", args=[app.pk]))
    assert not Authenticator.objects.exists()
    assert not MfaSecret.objects.exists()
    assert "Your password alone is enough to sign in." in words(signed_in)


@pytest.mark.control(28)
def test_another_person_s_factor_is_not_there(signed_in: Client, db: None) -> None:
    app = add_app(User.objects.create_user("bob@northpark.example", PASSWORD))
    assert signed_in.post(reverse("factor-remove", args=[app.pk])).status_code == 404
    # Nor are recovery codes taken away by themselves.
    assert Authenticator.objects.count() == 2


@pytest.mark.control(26)
def test_an_old_session_changes_nothing_about_how_one_signs_in(client: Client, administrator: User) -> None:
    app = add_app(administrator)
    signed_in_at(client, administrator, time.time() - 660)
    for name in ("authenticator-add", "passkey-add"):
        assert client.get(reverse(name)).headers["Location"].startswith("/confirm/")
        assert client.post(reverse(name), {"code": code()}).status_code == 403
    before = recovery_codes(administrator)
    assert client.post(reverse("factor-remove", args=[app.pk])).status_code == 403
    assert client.post(reverse("recovery-codes-make")).status_code == 403
    assert recovery_codes(administrator) == before


@pytest.mark.control(13)
def test_without_the_key_file_a_code_cannot_be_looked_at_and_the_page_says_why(
    client: Client, administrator: User, settings: object
) -> None:
    from tests.conftest import set_environment

    add_app(administrator)
    set_environment(settings, KEYS_FILE="/nonexistent/keys.json")  # type: ignore[arg-type]
    client.post(reverse("sign-in"), {"username": administrator.email, "password": PASSWORD})
    page = client.post(STEP, {"code": code()})
    assert page.status_code == 200
    assert "keys.json" in page.content.decode()
    signed_in_at(client, User.objects.create_user("bob@northpark.example", PASSWORD))
    assert client.get(ADD).headers["Location"] == reverse("security")
    assert "keys.json" in words(client)


FIELDS = (
    "id",
    "rawId",
    "type",
    "response",
    "clientDataJSON",
    "attestationObject",
    "authenticatorData",
    "signature",
    "userHandle",
    "clientExtensionResults",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=12,
)


@example(sent=False)
@given(sent=JSON)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_passkey_that_no_browser_sends_is_refused_in_words(administrator: User, sent: object) -> None:
    request = RequestFactory().post("/", headers={"host": "localhost"})
    request.session, request.user = SessionStore(), administrator
    data = {"credential": json.dumps(sent)}
    second_step: Any = SecondStepPasskeyForm  # allauth has no types
    with request_context(request):
        begin_passkey_registration(administrator, False)
        assert not PasskeyForm(data, request=request).is_valid()
        begin_passkey_authentication()
        assert not PasskeySignInForm(data).is_valid()
        assert not second_step(data, user=administrator).is_valid()
        with pytest.raises(ValidationError):
            passkeys.verify_assertion(administrator, sent)


def test_a_refused_passkey_is_told_on_the_page_it_came_from(
    signed_in: Client, client: Client, administrator: User
) -> None:
    nothing = {"credential": "false"}
    assert signed_in.post(reverse("passkey-add"), nothing).status_code == 422
    stranger = Client()
    assert stranger.post(reverse("passkey-sign-in"), nothing).headers["Location"] == reverse("sign-in")
    assert "was not accepted" in stranger.get(reverse("sign-in")).content.decode()
    back = stranger.post(reverse("passkey-sign-in"), {**nothing, "next": "/secrets/"}).headers["Location"]
    assert back == "/sign-in/?next=/secrets/"
    add_app(administrator)
    stranger.post(reverse("sign-in"), {"username": administrator.email, "password": PASSWORD})
    assert stranger.post(STEP, nothing).status_code == 200
