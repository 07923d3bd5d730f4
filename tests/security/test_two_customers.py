"""Two customers work in one database concurrently: neither sees a row, a count or a name of the other.

A long seeded walk of both customers' users: viewing, searching, sorting, posting, guessing ids. A response must not
contain the other customer's data unless the request did; lists must match an oracle of plain filters.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Model, Q, QuerySet
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry.models import AppRegistration, Consent, Contact, Credential, Mailbox, Tenant
from sandbox import Sandbox
from tests.conftest import hashed_password
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.security.route_matrix import Route, routes
from tests.security.scenario import across, keys_of, keys_of_person

LISTS: dict[str, tuple[type[Model], Callable[[Tenant], Q]]] = {
    "tenants": (Tenant, lambda tenant: Q(pk=tenant.pk)),
    "apps": (AppRegistration, lambda tenant: Q(tenant=tenant)),
    "credentials": (Credential, lambda tenant: Q(app__tenant=tenant)),
    "mailboxes": (Mailbox, lambda tenant: Q(tenant=tenant)),
    "consents": (Consent, lambda tenant: Q(tenant=tenant)),
    "channels": (Channel, lambda tenant: Q(tenant=tenant) | Q(app__tenant=tenant)),
    "deliveries": (Delivery, lambda tenant: Q(purpose="test", mailbox__tenant=tenant)),
}
ADDING = (
    "mailbox-add",
    "mailbox-add-on-premises",
    "mailbox-add-personal",
    "guide",
    "register",
    "calendars",
    "channel-add",
)
UNTOUCHED = {"sign-out", "confirm", "sessions-end", "session-end", "guide-check", "guide-prove", "consent-check"}
"""They end the walker's session, or ask Microsoft, which takes its time."""
ROLES = (Role.ADMINISTRATOR, Role.OPERATOR, Role.VIEWER)


@dataclass
class Customer:
    tenant: Tenant
    keys: dict[str, object]
    canaries: set[str] = field(default_factory=set)
    """Names, addresses and ids that are theirs alone."""
    clients: dict[Role, Client] = field(default_factory=dict)
    feeds: list[str] = field(default_factory=list)


@dataclass
class Walk:
    customers: list[Customer]
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)
    routes: list[Route] = field(default_factory=lambda: [route for route in routes() if route.name not in UNTOUCHED])

    def step(self) -> None:
        me, other = self.dice.sample(self.customers, 2)
        role = self.dice.choice(ROLES)
        act = self.dice.choice(
            [self.look, self.list, self.narrow, self.pass_on, self.guess, self.add, self.ask, self.feed]
        )
        act(me, other, me.clients[role])
        self.done[act.__name__] += 1

    def told(self, me: Customer, other: Customer, client: Client, method: str, url: str, **data: Any) -> Any:
        headers = {"HX-Request": "true"} if self.dice.random() < 0.2 else {}
        ask = client.get if method == "GET" else client.post
        response = ask(url, data, headers=headers)
        assert response.status_code != 500, url
        answer = f"{dict(response.headers)} {b''.join(response) if response.streaming else response.content!r}"
        asked = f"{url} {data}"
        leaked = [word for word in other.canaries if word in answer and word not in asked]
        assert not leaked, f"{method} {url} {data} told {leaked}"
        return response

    def key(self, route: Route, me: Customer, other: Customer) -> object:
        whose = self.dice.choice([me.keys, me.keys, other.keys, {}])
        return whose.get(route.model, 0 if route.converters["pk"].regex == "[0-9]+" else uuid4())

    def look(self, me: Customer, other: Customer, client: Client) -> None:
        route = self.dice.choice(self.routes)
        url = route.address(self.key(route, me, other) if route.has_row else None)
        self.told(me, other, client, "GET", url)

    def list(self, me: Customer, other: Customer, client: Client) -> None:
        """Complete and theirs alone, and so are the overview's counts."""
        name, (model, is_mine) = self.dice.choice(sorted(LISTS.items()))
        mine: QuerySet[Any] = model._default_manager.filter(is_mine(me.tenant)).distinct()
        page = self.told(me, other, client, "GET", reverse(name)).context["page"]
        count = mine.count()
        assert len(page.rows) == min(count, 50), name
        assert {row.pk for row in page.rows} <= set(mine.values_list("pk", flat=True)), name
        counts = self.told(me, other, client, "GET", reverse("overview")).context["counts"]
        for shown, model_and_filter in (("apps", LISTS["apps"]), ("mailboxes", LISTS["mailboxes"])):
            model, is_mine = model_and_filter
            assert counts[shown] == model._default_manager.filter(is_mine(me.tenant)).count()
        assert counts["tenants"] == 1

    def narrow(self, me: Customer, other: Customer, client: Client) -> None:
        """By the other's names too: nothing matches, and nothing is said of it."""
        name, (model, is_mine) = self.dice.choice(sorted(LISTS.items()))
        word = self.dice.choice([*sorted(other.canaries), "", "a", "x.example"])
        sort = self.dice.choice(
            ["name", "-name", "expires_at", "address", "tenant__name", "-checked_at", "app__tenant"]
        )
        data = {"q": word[:100], "sort": sort, "status": "missing", "state": self.dice.choice(["", "current", "open"])}
        response = self.told(me, other, client, "GET", reverse(name), **data)
        theirs = set(model._default_manager.filter(is_mine(me.tenant)).values_list("pk", flat=True))
        assert {row.pk for row in response.context["page"].rows} <= theirs

    def pass_on(self, me: Customer, other: Customer, client: Client) -> None:
        """Ids of the other's in a query, as links of ours carry them."""
        name = self.dice.choice(ADDING)
        data = {"tenant": other.keys["Tenant"], "app": other.keys["AppRegistration"], "kind": "webhook"}
        part = self.dice.sample(sorted(data), 2)
        self.told(me, other, client, "GET", reverse(name), **{one: data[one] for one in part})

    def guess(self, me: Customer, other: Customer, client: Client) -> None:
        """Posts at the other's addresses: nothing of theirs is another after it."""
        route = self.dice.choice([route for route in self.routes if route.has_row])
        key = other.keys.get(route.model)
        if key is None:
            return
        before = state_of(other)
        data = {"name": "taken", "tenant": str(me.tenant.pk), "owner": 1, "state": "retired", "role": "owner"}
        status = self.told(me, other, client, "POST", route.address(key), **data).status_code
        assert status in (302, 403, 404, 405), route.name
        assert state_of(other) == before, route.name

    def add(self, me: Customer, other: Customer, client: Client) -> None:
        """With ids of the other's in the form, and with names that the other has."""
        number = self.dice.randrange(10**6)
        theirs = sorted(other.canaries)
        form: dict[str, dict[str, Any]] = {
            "mailbox-add": {
                "address": self.dice.choice([f"m{number}@{me.tenant.domain}", *theirs[:3]]),
                "app": self.dice.choice([me.keys["AppRegistration"], other.keys["AppRegistration"]]),
                "transport": "graph",
                "tenant": other.keys["Tenant"],
            },
            "calendars": {"tenant": self.dice.choice([me.keys["Tenant"], other.keys["Tenant"]])},
            "register": {"app-name": f"app {number}", "app-client_id": other.keys["client_id"]},
            "import": {"file": "tenant_name,directory_id"},
        }
        name = self.dice.choice(sorted(form))
        before = state_of(other)
        query = f"?tenant={me.tenant.pk}" if name == "register" else ""
        response = self.told(me, other, client, "POST", reverse(name) + query, **form[name])
        assert state_of(other) == before, name
        address = (response.context or {}).get("address") if response.status_code == 200 else None
        if name == "calendars" and address:
            me.feeds.append(address.partition("/calendar/")[2])
        for extra in Mailbox.objects.filter(tenant=me.tenant).order_by("-pk")[40:]:
            extra.delete()

    def ask(self, me: Customer, other: Customer, client: Client) -> None:
        """What an error means that names the other's things."""
        words = self.dice.sample(sorted(other.canaries), 3)
        text = f"AADSTS7000215: Invalid client secret for app '{other.keys['client_id']}' {' '.join(words)}"
        page = self.told(me, other, client, "POST", reverse("diagnosis"), error=text, text=text)
        assert not (page.context.get("concerned") and page.context["concerned"].registrations)

    def feed(self, me: Customer, other: Customer, _client: Client) -> None:
        """A calendar's address is asked for by a program that is not signed in."""
        if me.feeds:
            answer = self.told(me, other, Client(), "GET", f"/calendar/{self.dice.choice(me.feeds)}")
            assert answer.status_code == 200


def state_of(customer: Customer) -> list[Any]:
    """The rows of a customer's, as they stand."""
    return [
        sorted(model._default_manager.filter(is_mine(customer.tenant)).values_list(), key=str)
        for name, (model, is_mine) in LISTS.items()
        if name != "deliveries"
    ]


@pytest.fixture
def customers(rows: Rows, sandbox: Sandbox) -> list[Customer]:
    sites = [rows.site(sandbox, name=f"{name}-canary", days=20) for name in ("Aldermoor", "Brackwater")]
    across(rows, *sites)
    made = []
    for site in sites:
        word = site.tenant.name
        Contact.objects.create(tenant=site.tenant, email=f"contact@{word.lower()}.example")
        own_app = rows.app(site.tenant, f"{word} app")
        rows.credential(own_app, days=9, description=f"{word} secret")
        Mailbox.objects.create(tenant=site.tenant, app=own_app, address=f"own@{word.lower()}.example", transport="ews")
        customer = Customer(site.tenant, {**keys_of(site), "client_id": own_app.client_id})
        customer.keys["AppRegistration"] = own_app.pk
        for role in ROLES:
            user = User.objects.create(email=f"{role}@{word.lower()}.example", password=hashed_password())
            Membership.objects.create(user=user, role=role, tenant=site.tenant)
            customer.clients[role] = signed_in_at(Client(), user)
            mine = keys_of_person(user, site)
        customer.keys.update(mine)
        # The site's own app sends as a mailbox of the other customer, who must know its name and client id.
        shared = {site.app.client_id, str(site.app.pk), site.app.name}
        customer.canaries = {
            word,
            word.lower(),
            site.tenant.directory_id,
            site.tenant.domain,
            own_app.client_id,
            site.mailbox.address,
            *(str(key) for key in customer.keys.values() if len(str(key)) > 20),
        } - shared
        made.append(customer)
    return made


@pytest.mark.control(29, 30, 31)
@pytest.mark.parametrize(
    "steps",
    [pytest.param(150, id="a hundred and fifty"), pytest.param(6000, id="six thousand", marks=pytest.mark.slow)],
)
def test_two_customers_at_work_never_see_anything_of_each_other(customers: list[Customer], steps: int) -> None:
    walk = Walk(customers, random.Random(20261124))
    for _step in range(steps):
        walk.step()
    assert sum(walk.done.values()) == steps
    assert min(walk.done.values()) > steps // 20, walk.done


@pytest.mark.control(30)
def test_the_walk_finds_a_list_that_is_not_scoped(customers: list[Customer], monkeypatch: pytest.MonkeyPatch) -> None:
    def everybody_s(_access: Access, source: Any, *_right: Any) -> Any:
        return source if isinstance(source, QuerySet) else source._default_manager.all()

    monkeypatch.setattr(Access, "visible", everybody_s)
    me, other = customers
    with pytest.raises(AssertionError, match="told"):
        Walk(customers, random.Random(1)).list(me, other, me.clients[Role.VIEWER])
