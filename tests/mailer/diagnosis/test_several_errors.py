"""Texts with several errors: the first is explained, the others are listed; identifiers are found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.diagnosis import SLUGS, diagnose
from mailer.diagnosis.identifiers import MOST_ADDRESSES, MOST_DOMAINS, MOST_IDS, find_identifiers

CLIENT = "11111111-2222-3333-4444-555555555555"
QUIET = "2026-11-24 08:00:0{} INFO  nothing else happened in this second, the queue is empty and the service waits\n"
BETWEEN = "".join(QUIET.format(second) for second in range(4))


def test_the_first_reason_is_explained_and_the_others_are_named() -> None:
    text = f"AADSTS7000222: keys are expired\n{BETWEEN}550 5.1.10 RESOLVER.ADR.RecipientNotFound\n{BETWEEN}5.7.60"

    said = diagnose(text)

    assert (said.slug, said.also) == ("secret_expired", ("recipient_rejected", "send_as_denied"))


def test_first_of_several_errors_is_the_cause() -> None:
    refined = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
    assert diagnose(refined).slug == "send_as_denied"
    said = diagnose(f"AADSTS7000222: keys are expired\n{BETWEEN}{refined}")
    assert (said.slug, said.also) == ("secret_expired", ("send_as_denied",))
    said = diagnose(f"{refined}\n{BETWEEN}AADSTS7000222: keys are expired")
    assert (said.slug, said.also) == ("send_as_denied", ("secret_expired",))


@pytest.mark.parametrize(
    "text",
    [
        "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key used is expired.]",
        "AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.",
        "5.7.57 Client not authenticated. Error: 535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.",
        "AADSTS7000222: expired\n" + BETWEEN + "AADSTS7000222: expired",
        "nothing known",
    ],
)
def test_codes_of_one_error_are_one_cause(text: str) -> None:
    assert diagnose(text).also == ()


@given(st.lists(st.sampled_from(["AADSTS7000222", "AADSTS53003", "5.7.60", "5.1.10", BETWEEN]), max_size=12))
@settings(max_examples=60, deadline=None)
def test_further_causes_are_known_and_different(parts: list[str]) -> None:
    said = diagnose(" ".join(parts))
    assert said.slug not in said.also
    assert set(said.also) <= set(SLUGS) - {"other"}


def test_ids_addresses_and_domains_are_found_anywhere() -> None:
    said = find_identifiers(
        f"App '{CLIENT.upper()}' at https://login.microsoftonline.com/contoso.example/oauth2 for <Alarms@Plant.example>"
    )
    assert said.ids == (CLIENT,)
    assert said.addresses == ("alarms@plant.example",)
    assert said.domains[0] == "plant.example"
    assert "login.microsoftonline.com" in said.domains
    assert "contoso.example" in find_identifiers("tenant contoso.example: not found").domains


@pytest.mark.parametrize("broken", ["\n", "\r\n    ", " ", "=\r\n"])
def test_id_broken_by_a_line_end_is_found(broken: str) -> None:
    assert find_identifiers(f"for app '{CLIENT[:17]}{broken}{CLIENT[17:]}' are expired").ids == (CLIENT,)


def test_number_of_identifiers_is_limited() -> None:
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1000)]
    addresses = [f"box{number}@site{number}.example" for number in range(1000)]
    said = find_identifiers("\n".join([*ids, *addresses]))
    assert said.ids == tuple(ids[:MOST_IDS])
    assert said.addresses == tuple(addresses[:MOST_ADDRESSES])
    assert len(said.domains) == MOST_DOMAINS
