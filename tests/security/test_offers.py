"""Pages offer only allowed actions: each link and each form of each page that a user gets leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from django.db import transaction
from django.urls import reverse
from lxml import html

from alertadmin.accounts.roles import Role
from tests.security.route_matrix import Answer, Person, Place, Whose, cases
from tests.security.scenario import World

OFFERED = [
    Person(Role.OWNER, Place.EVERYWHERE),
    Person(Role.VIEWER, Place.EVERYWHERE),
    Person(Role.ADMINISTRATOR, Place.ONE_TENANT),
    Person(Role.OPERATOR, Place.ONE_TENANT),
    Person(Role.VIEWER, Place.ONE_TENANT),
    Person(),
]
AT_EACH_CHANGE = OFFERED[-4:-3] + OFFERED[-2:]
LEAVES = ("sign-out", "set_language")


def pages(world: World, person: Person) -> Iterator[tuple[str, html.HtmlElement]]:
    """Every page of ours that they get, by its address."""
    for case in cases():
        if case.person != person or case.method != "GET" or case.whose != Whose.OWN or case.expected != Answer.LET_IN:
            continue
        response = world.ask(case)
        if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html"):
            where = response.wsgi_request.get_full_path()  # type: ignore[attr-defined]
            yield where, html.fromstring(response.content)


def asked_for(page: html.HtmlElement, where: str) -> set[tuple[str, str]]:
    """Methods and addresses: where its links and forms lead, inside."""
    links = {("GET", one.get("href")) for one in page.iter("a") if one.get("href")}
    links |= {("GET", one.get("hx-get")) for one in page.iter() if one.get("hx-get")}
    forms = {(one.get("method", "get").upper(), one.get("action") or where) for one in page.iter("form")}
    inside = {(method, urljoin(where, url).partition("#")[0]) for method, url in links | forms}
    return {(method, url) for method, url in inside if not urlsplit(url).scheme}


@pytest.mark.control(28, 32)
@pytest.mark.parametrize(
    "person",
    [pytest.param(one, id=str(one), marks=[] if one in AT_EACH_CHANGE else pytest.mark.slow) for one in OFFERED],
)
def test_nothing_is_offered_that_would_be_refused(world: World, person: Person) -> None:
    client, tried, refused = world.clients[person], set(), []
    left = {reverse(name) for name in LEAVES}
    for where, page in pages(world, person):
        for method, url in sorted(asked_for(page, where)):
            if (method, url) in tried or url in left or url.startswith("/static/"):
                continue
            tried.add((method, url))
            with transaction.atomic():
                status = client.generic(method, url, content_type="application/x-www-form-urlencoded").status_code
                transaction.set_rollback(True)
            if status in (403, 404, 500):
                refused.append(f"{where} offers {method} {url}: {status}")
    assert not refused, "\n".join(refused)
    assert len(tried) > 5


@pytest.mark.parametrize(
    ("person", "seen"),
    [
        (Person(Role.VIEWER, Place.EVERYWHERE), None),
        (Person(Role.VIEWER, Place.ONE_TENANT), "You see the tenants Northpark."),
        (Person(), "You have no role here yet"),
    ],
    ids=str,
)
def test_the_overview_says_whose_it_is_and_to_whoever_has_no_role_what_to_do(
    world: World, person: Person, seen: str | None
) -> None:
    page = world.clients[person].get(reverse("overview")).content.decode()
    assert ("You see" in page or "no role" in page) == bool(seen)
    assert (seen or "Overview") in page
    assert "Southgate" not in page or person.place == Place.EVERYWHERE


def test_what_of_the_house_is_wrong_is_for_whoever_has_a_role_in_all_of_it(world: World) -> None:
    words = "No expiry scan has run"
    seen = {
        person: words in client.get(reverse("overview")).content.decode()
        for person, client in world.clients.items()
        if person.signed_in
    }
    assert {person for person, is_shown in seen.items() if is_shown} == {
        person for person in seen if person.place == Place.EVERYWHERE
    }
