"""Every route, and what each person must get there: reckoned from what the page declares and from the table of rights,
by rules of its own and not by those of the product. `python -m tests.security.route_matrix` prints the table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from alertadmin.accounts.decorators import AccessDeclaration, access_declaration
from alertadmin.accounts.roles import RIGHTS, Right, Role
from alertadmin.audit.tenant_scope import owner_only_rows

OF_ITSELF = {
    "app-consents-check": "AppRegistration",
    "app-consents-stop": "AppRegistration",
    "tenant-delete": "Tenant",
    "calendar": "CalendarFeed",
    "calendar-renew": "CalendarFeed",
    "calendar-revoke": "CalendarFeed",
    "factor-remove": "Authenticator",
    "session-end": "UserSession",
    "provider-disconnect": "SocialAccount",
    **dict.fromkeys(("import-columns", "import-preview", "import-refused", "import-stop"), "PendingImport"),
    **dict.fromkeys(("bulk-job", "bulk-stop", "bulk-again"), "BulkJob"),
}
"""What the URL's `pk` refers to if the view declares no model: the installation, or the user's own account."""

METHODS = ("GET", "POST")


class Place(StrEnum):
    EVERYWHERE = "everywhere"
    ONE_TENANT = "one tenant"


class Whose(StrEnum):
    OWN = "own"
    FOREIGN = "foreign"
    ABSENT = "absent"


class Answer(StrEnum):
    LET_IN = "let in"
    FORBIDDEN = "403"
    UNKNOWN = "404"
    TO_THE_DOOR = "led to sign in"
    OPEN = "open to strangers"


@dataclass(frozen=True)
class Person:
    role: Role | None = None
    place: Place | None = None
    signed_in: bool = True

    def __str__(self) -> str:
        if not self.signed_in:
            return "stranger"
        return f"{self.role} {self.place}" if self.role else "anonymous"

    @property
    def rights(self) -> frozenset[Right]:
        return RIGHTS[self.role] if self.role else frozenset()

    def sees(self, whose: Whose) -> bool:
        """Whether a row of that owner is visible to the user. With a role in all tenants, every row is."""
        return Right.LOOK in self.rights and whose != Whose.ABSENT and (self.place, whose) != (TENANT, Whose.FOREIGN)


TENANT = Place.ONE_TENANT
PEOPLE = [
    *(Person(role, place) for place in Place for role in Role),
    Person(),
    Person(signed_in=False),
]


@dataclass(frozen=True)
class Route:
    name: str
    declaration: AccessDeclaration | None
    converters: Mapping[str, Any]

    @property
    def has_row(self) -> bool:
        return "pk" in self.converters

    @property
    def model(self) -> str:
        """The name of the model that the URL's `pk` refers to; empty if none is declared."""
        of = self.declaration.of if self.declaration else None
        return of.__name__ if of else OF_ITSELF.get(self.name, "")

    def address(self, pk: object) -> str:
        values = {name: pk if name == "pk" else "x" for name in self.converters}
        return reverse(self.name, kwargs=values)

    def whose(self, person: Person) -> list[Whose]:
        """With a role in all tenants, only rows of other users are foreign."""
        if not self.has_row:
            return [Whose.OWN]
        is_personal = self.declaration is not None and self.declaration.read_right is None
        return [one for one in Whose if one != Whose.FOREIGN or is_personal or person.place != Place.EVERYWHERE]


@dataclass(frozen=True)
class Case:
    route: Route
    person: Person
    whose: Whose
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.route.name} ({self.whose}) as {self.person}"

    @property
    def expected(self) -> Answer:
        """The expected answer. A user who passes the middleware may still get a page without foreign data."""
        at_the_gate = self._at_the_gate
        is_there = self.whose == Whose.OWN or at_the_gate != Answer.LET_IN
        return at_the_gate if is_there else Answer.UNKNOWN

    @property
    def is_on_record(self) -> bool:
        """Refused by the middleware, before the view."""
        return self._at_the_gate in (Answer.FORBIDDEN, Answer.UNKNOWN)

    @property
    def changes_nothing(self) -> bool:
        """Nor does it send anything: refused requests, GETs, and the POSTs that a viewer may make."""
        if self.expected not in (Answer.LET_IN, Answer.OPEN):
            return True
        return self.method == "GET" or self._right in (Right.LOOK, Right.AUDIT)

    @property
    def _at_the_gate(self) -> Answer:
        declaration, person, right = self._declaration, self.person, self._right
        if declaration.is_public:
            return Answer.OPEN
        if not person.signed_in:
            return Answer.TO_THE_DOOR
        if right is None:
            return Answer.LET_IN
        if declaration.in_all_tenants:
            return Answer.LET_IN if right in person.rights and person.place == Place.EVERYWHERE else Answer.FORBIDDEN
        if declaration.of is None:
            return Answer.LET_IN if right in person.rights else Answer.FORBIDDEN
        if person.place == Place.EVERYWHERE and right in person.rights:
            # Some rows are the owners' alone, so the row is looked up at the gate.
            is_looked_up = right == Right.CHANGE and Right.GOVERN not in person.rights
            is_looked_up = is_looked_up and owner_only_rows(declaration.of) is not None
            return Answer.UNKNOWN if is_looked_up and self.whose == Whose.ABSENT else Answer.LET_IN
        if not person.sees(self.whose):
            return Answer.UNKNOWN
        return Answer.LET_IN if right in person.rights else Answer.FORBIDDEN

    @property
    def _declaration(self) -> AccessDeclaration:
        assert self.route.declaration is not None, f"{self.route.name} declares nothing"
        return self.route.declaration

    @property
    def _right(self) -> Right | None:
        return self._declaration.read_right if self.method == "GET" else self._declaration.write_right


def routes(urlconf: str | None = None) -> list[Route]:
    """Named and unnamed routes, each once."""
    found = {route.name: route for pattern in get_resolver(urlconf).url_patterns for route in _walk(pattern, {})}
    return list(found.values())


def _walk(pattern: URLPattern | URLResolver, above: Mapping[str, Any]) -> Iterator[Route]:
    converters = {**above, **pattern.pattern.converters}
    if isinstance(pattern, URLPattern):
        yield Route(pattern.name or str(pattern.pattern), access_declaration(pattern.callback), converters)
    else:
        for one in pattern.url_patterns:
            yield from _walk(one, converters)


def unguarded(urlconf: str | None = None) -> list[str]:
    """One sentence for each route whose access is not declared or not tested."""
    complaints: list[tuple[str, Callable[[Route], bool]]] = [
        ("declares no access", lambda route: route.declaration is None),
        ("has a row in its address and does not say of which model", lambda route: route.has_row and not route.model),
    ]
    return [f"{route.name} {text}" for route in routes(urlconf) for text, is_so in complaints if is_so(route)]


def cases(urlconf: str | None = None) -> list[Case]:
    return [
        Case(route, person, whose, method)
        for route in routes(urlconf)
        for person in PEOPLE
        for whose in route.whose(person)
        for method in METHODS
    ]


def table() -> str:
    """The rights needed for GET and POST of each route, and the number of cases."""
    lines = []
    for route in routes():
        declaration = route.declaration
        if declaration is None:
            lines.append(f"{route.name:28} UNDECLARED")
            continue
        if declaration.is_public:
            needs = "open to strangers"
        elif declaration.read_right is None:
            needs = "any signed-in user"
        else:
            where = "in the installation" if declaration.in_all_tenants else f"of {route.model}" if route.model else ""
            needs = f"{declaration.read_right} / {declaration.write_right} {where}".strip()
        lines.append(f"{route.name:28} {needs}")
    return "\n".join([*lines, counted(cases())])


def counted(all_cases: list[Case]) -> str:
    """The number of routes, users, rows and methods in the matrix."""
    expected = [case.expected for case in all_cases]
    outcomes = ", ".join(f"{expected.count(answer)} {answer}" for answer in Answer)
    return (
        f"{len({case.route.name for case in all_cases})} routes x {len(PEOPLE)} people x {{own, foreign, absent}} x "
        f"{{{', '.join(METHODS)}}}: {len(all_cases)} cases ({outcomes})"
    )


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alertadmin.settings")
    django.setup()
    sys.stdout.write(f"{table()}\n")
