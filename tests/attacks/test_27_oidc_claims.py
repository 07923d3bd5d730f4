"""27: for any claims in a token, a sign-in succeeds or is refused with one sentence; nothing answers 500,
and no token of another application, algorithm, issuer or access token leads in."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives import serialization
from django.test import Client

from alertadmin.accounts.models import User
from alertadmin.accounts.oidc import claims as reading
from alertadmin.accounts.oidc.id_token import shows_second_factor
from alertadmin.accounts.oidc.provider import Grant, Provider
from sandbox.entra.tokens import Tokens
from tests.accounts.oidc.conftest import OPERATORS, Entra, entra  # noqa: F401 (a fixture)
from tests.helpers.mfa import add_app

Claims = dict[str, Any]

ODD: dict[str, Any] = {
    "none": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "huge number": 2**80,
    "infinite": float("inf"),
    "no number": float("nan"),
    "empty": "",
    "lone surrogate": "\ud800",
    "NUL": "a\x00b",
    "lines": "a\r\nBcc: b@c.example",
    "other direction": "a\u202eb",
    "long": "a" * 100_000,
    "list": ["\ud800", None, {}],
    "object": {"\ud800": ["\x00"]},
    "deep": json.loads("[" * 200 + "]" * 200),
}
DANGEROUS = ("lone surrogate", "NUL", "infinite", "long", "object")
"""Those that a database, a codec or a number stumbled over; the others are read below without a provider."""
READ: tuple[str, ...] = (
    "iss",
    "sub",
    "oid",
    "tid",
    "name",
    "email",
    "preferred_username",
    "groups",
    "roles",
    "nonce",
    "aud",
    "azp",
)
READ += ("exp", "iat", "nbf", "at_hash", "amr", "acrs", "hasgroups", "_claim_names")


def sign(self: Tokens, claims: Claims, kid: str, **headers: Any) -> str:
    """A whole token with any claims: the library refuses to sign some of them itself."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), self._key, "RS256", headers={"kid": kid, **headers})


def forge(change: Callable[[Claims], None], monkeypatch: pytest.MonkeyPatch) -> None:
    real = Tokens.identify_member

    def identify(self: Tokens, *args: Any) -> str:
        token = real(self, *args)
        claims = jwt.decode(token, options={"verify_signature": False})
        change(claims)
        return sign(self, claims, jwt.get_unverified_header(token)["kid"])

    monkeypatch.setattr(Tokens, "identify_member", identify)


def give(entra: Entra) -> None:  # noqa: F811
    entra.sandbox.directory.set_groups(entra.person.object_id, [OPERATORS])


@pytest.mark.control(91)
@pytest.mark.parametrize("claim", READ)
def test_27_no_value_of_a_claim_is_a_fault(
    entra: Entra,  # noqa: F811
    claim: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refusal leads to the sign-in page, an account is one clean line everywhere."""
    give(entra)
    for name in DANGEROUS:
        value = ODD[name]
        with monkeypatch.context() as patch:
            forge(lambda claims: claims.update({claim: value}), patch)  # noqa: B023 (called within this round)
            entra.client = Client()
            answer = entra.sign_in()
            assert (answer.status_code, answer["Location"] in ("/", "/sign-in/")) == (302, True), name
        for user in User.objects.all():
            assert (user.name.isprintable(), user.email) == (True, "grace@northpark.example"), name
        User.objects.all().delete()


PROVIDER = Provider("x", "X", "https://x.example", "c", "s", grants={"g": (Grant("viewer"),)})


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("claim", READ)
def test_27_what_is_read_of_a_claim_is_clean(claim: str, odd: str) -> None:
    said = {"iss": PROVIDER.issuer, "sub": "s", "groups": ["g"], claim: ODD[odd]}
    try:
        identity = reading.read(said, PROVIDER)
    except reading.ClaimMismatch:
        identity = None
    assert identity or claim in ("iss", "sub")
    texts = (identity.name, identity.address) if identity else ()
    assert all(text.isprintable() and len(text) <= 320 for text in texts)


PARTIES: list[tuple[Claims, bool]] = [
    ({}, True),
    ({"aud": ["CLIENT"]}, True),
    ({"aud": ["CLIENT"], "azp": "CLIENT"}, True),
    ({"aud": ["CLIENT", "other"], "azp": "CLIENT"}, True),
    ({"aud": ["CLIENT", "other"]}, False),
    ({"aud": ["other", "CLIENT"]}, False),
    ({"aud": ["CLIENT", "CLIENT"]}, False),
    ({"aud": ["CLIENT", "other"], "azp": "other"}, False),
    ({"aud": "CLIENT", "azp": "other"}, False),
    ({"aud": "CLIENT", "azp": ""}, False),
    ({"aud": "CLIENT", "azp": ["CLIENT"]}, False),
    ({"aud": []}, False),
    ({"iat": 4_000_000_000, "exp": 4_000_009_000}, False),
]


@pytest.mark.parametrize(("said", "is_let_in"), PARTIES)
def test_27_a_token_for_others_too_names_us_as_its_party(
    entra: Entra,  # noqa: F811
    said: Claims,
    is_let_in: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(entra)
    mine = json.loads(json.dumps(said).replace("CLIENT", entra.app.client_id))
    forge(lambda claims: claims.update(mine), monkeypatch)
    entra.sign_in()
    assert entra.is_in == is_let_in


@pytest.mark.parametrize("kind", ["none", "HS256 by the public key", "another kid", "no kid", "kid of a list"])
def test_27_a_token_is_signed_by_the_key_that_it_names(
    entra: Entra,  # noqa: F811
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(entra)
    real = Tokens.identify_member

    def identify(self: Tokens, *args: Any) -> str:
        token = real(self, *args)
        _head, body, signature = token.split(".")
        header = jwt.get_unverified_header(token)
        if kind == "none":
            return f"{_part({**header, 'alg': 'none'})}.{body}."
        if kind == "HS256 by the public key":
            pem = self._public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            unsigned = f"{_part({**header, 'alg': 'HS256'})}.{body}"
            mac = hashlib.sha256(pem + unsigned.encode()).digest()  # the MAC's value does not matter: HS256 is refused
            return f"{unsigned}.{_base64(mac)}"
        wrong: dict[str, Any] = {"another kid": "other", "kid of a list": ["x"]}
        fresh = {**header, "kid": wrong[kind]} if kind in wrong else {"alg": "RS256"}
        return f"{_part(fresh)}.{body}.{signature}"

    monkeypatch.setattr(Tokens, "identify_member", identify)
    entra.sign_in()
    assert not entra.is_in


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.mark.parametrize("said", ["x" * 22, "", 3, "\u00e9"])
def test_27_an_at_hash_of_another_access_token_lets_nobody_in(
    entra: Entra,  # noqa: F811
    said: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(entra)
    forge(lambda claims: claims.update(at_hash=said), monkeypatch)
    entra.sign_in()
    assert not entra.is_in


@pytest.mark.parametrize(("issuer", "is_let_in"), [("x", False), ("https://evil.example", False), (None, True)])
def test_27_an_answer_of_another_issuer_is_not_taken(entra: Entra, issuer: str | None, is_let_in: bool) -> None:  # noqa: F811
    """RFC 9207: a provider that says who it is says the right thing, before the code goes anywhere."""
    give(entra)
    location = entra.decide(entra.begin())
    entra.come_back(location if issuer is None else f"{location}&iss={issuer}")
    assert entra.is_in == is_let_in


AMR: list[tuple[Any, str | None, bool]] = [
    (None, None, False),
    ("mfa", None, False),
    ([], None, False),
    (["pwd"], None, False),
    (["pwd", "pin"], None, False),
    (["hwk", "otp"], None, False),
    (["mfa"], None, True),
    (["pwd", "otp"], None, True),
    (["pwd", "rsa"], None, False),
    (["fpt", "hwk"], None, True),
    (["mfa"], "c1", False),
    ([["mfa"]], None, False),
]


@pytest.mark.parametrize(("amr", "context", "shows"), AMR)
def test_27_a_second_factor_elsewhere_is_one_of_another_kind(amr: Any, context: str | None, shows: bool) -> None:
    assert shows_second_factor({"amr": amr}, context) == shows


@pytest.mark.parametrize(
    ("file", "methods", "contexts", "is_let_in"),
    [
        ({"second_factor": True}, [], [], False),
        ({"second_factor": True}, ["pwd"], [], False),
        ({"second_factor": True}, ["pwd", "mfa"], [], True),
        ({"second_factor": False}, ["pwd", "mfa"], ["c1"], False),
        ({"second_factor_context": "c1"}, ["pwd", "mfa"], [], False),
        ({"second_factor_context": "c1"}, [], ["c2"], False),
        ({"second_factor_context": "c1"}, [], ["c1"], True),
    ],
)
def test_27_a_provider_s_second_factor_counts_where_its_token_says_so(
    entra: Entra,  # noqa: F811
    file: dict[str, Any],
    methods: list[str],
    contexts: list[str],
    is_let_in: bool,
) -> None:
    entra.write(**file)
    give(entra)
    entra.sign_in()
    add_app(User.objects.get())
    entra.person.methods, entra.person.contexts = methods, contexts
    entra.client = Client()
    answer = entra.sign_in()
    assert answer["Location"] == ("/" if is_let_in else "/sign-in/second-step/")


def test_27_what_is_kept_of_a_token_is_text(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    give(entra)
    forge(lambda claims: claims.update(preferred_username={"a": "\x00"}, sub=f"x\x00{'y' * 5000}"), monkeypatch)
    entra.sign_in()
    kept = SocialAccount.objects.get().extra_data
    assert "preferred_username" not in kept
    assert (len(kept["sub"]) <= 255, kept["sub"].isprintable()) == (True, True)
