"""24: a provider creates accounts only within its own domains, marked as its own; its claims neither prove an address
nor link an account."""

from __future__ import annotations

import pytest
from allauth.socialaccount.models import SocialAccount

from alertadmin.accounts.models import User
from tests.accounts.oidc.conftest import CUSTOMER, OPERATORS, VIEWERS, Entra, entra  # noqa: F401 (a fixture)
from tests.factories import Rows


@pytest.mark.parametrize(
    ("group", "address", "domain", "is_made"),
    [
        (VIEWERS, "grace@customer.example", "customer.example", True),
        (VIEWERS, "Grace@CUSTOMER.example", "customer.example", True),
        (VIEWERS, "ceo@corp.example", "customer.example", False),
        (VIEWERS, "ceo@sub.customer.example", "customer.example", False),
        (VIEWERS, "ceo@customer.example.corp.example", "customer.example", False),
        (VIEWERS, "ceo@corp.example", "", False),
        (OPERATORS, "grace@elsewhere.example", "customer.example", True),
    ],
)
def test_24_who_speaks_for_one_tenant_states_addresses_of_it_alone(
    entra: Entra,  # noqa: F811
    rows: Rows,
    group: str,
    address: str,
    domain: str,
    is_made: bool,
) -> None:
    tenant = rows.tenant(directory_id=CUSTOMER)
    tenant.domain = domain
    tenant.save()
    entra.person.mail = address
    entra.sandbox.directory.set_groups(entra.person.object_id, [group])
    entra.sign_in()
    assert [one.made_by for one in User.objects.all()] == (["northpark"] if is_made else [])
    assert SocialAccount.objects.count() == is_made


@pytest.mark.parametrize("name", ["Grace\r\nACTION REQUIRED", "Grace\x85Hopper", "\u202eGrace", "Grace\u2028X", "\x00"])
def test_24_a_name_from_outside_is_one_clean_line(entra: Entra, name: str) -> None:  # noqa: F811
    entra.person.name = name
    entra.sandbox.directory.set_groups(entra.person.object_id, [OPERATORS])
    entra.sign_in()
    assert User.objects.get().name.isprintable()
