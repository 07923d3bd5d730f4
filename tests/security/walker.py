"""Visit every URL with the ids of own rows, as a user with a role in one tenant, and collect pages, fragments and
forms, and what the forms write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import lxml.html
from django.apps import apps
from django.db import models, transaction
from django.http import HttpResponseBase
from django.urls import resolve, reverse

from alertadmin.accounts.roles import Role
from tests.security.effects import written
from tests.security.foreign import WORD, Foreign
from tests.security.route_matrix import Route, routes

ENDS = {"sign-out", "sessions-end", "session-end", "set_language", "confirm", "password-change"}
"""Routes that end the walker's session or concern only it."""
ASKS_MICROSOFT = {"guide-check", "guide-prove", "consent-check", "credential-promote", "mailbox-sign-in-begin"}
"""Routes whose POST waits for Microsoft; their writes are tested without it."""
WORDS = {"recipient": "to@x.example", "address": "new@x.example", "email": "new@x.example", "reason": "for the PLC"}
MOST_FOLLOWED = 2
OF_SESSIONS = {"django_session", "usersessions_usersession", "accounts_tries", "accounts_auditentry"}
"""Tables that every request may write to."""


@dataclass(frozen=True)
class Got:
    asked: str
    answer: str
    status: int


@dataclass(frozen=True)
class Play:
    """A submitted form: its page and its effects."""

    page: str
    """The page's URL name."""
    url: str
    body: dict[str, Any]
    got: list[Got]
    tables: set[str]
    """Tables that were written to."""

    def __str__(self) -> str:
        return f"{self.got[0].status} POST {self.url} {self.body}"


Bodies = Callable[[dict[str, Any], set[str]], Iterator[dict[str, Any]]]


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass
class Walker:
    world: Foreign
    role: Role
    of_each_shape: bool = False
    """Visit one of several rows that differ only in text and times: their pages show the same."""
    always: frozenset[object] = frozenset()
    """Ids of rows that are always visited."""

    def addresses(self) -> Iterator[tuple[Route, str]]:
        """Every URL that an own row or token makes valid."""
        for route in routes():
            if route.name in ENDS:
                continue
            if route.has_row:
                for key in self._keys(route.model):
                    yield route, route.address(key)
            elif token := self.world.tokens.get(route.name):
                yield route, reverse(route.name, args=[token])
            elif not route.converters:
                yield route, reverse(route.name)

    def _keys(self, name: str) -> list[object]:
        keys = self.world.keys[self.role].get(name, [])
        model = next((one for one in apps.get_models() if one.__name__ == name), None)
        if not self.of_each_shape or model is None:
            return keys
        rows = model._default_manager.filter(pk__in=keys).order_by("pk")
        return list({self._shape(row) if row.pk not in self.always else row.pk: row.pk for row in rows}.values())

    def _shape(self, row: models.Model) -> tuple[Any, ...]:
        """The row's set columns, its choices, and whether its relations are own rows."""
        shape: list[Any] = []
        for one in row._meta.concrete_fields:
            value = one.value_from_object(row)
            if isinstance(one, models.ForeignKey):
                shape.append(None if value is None else value in self.world.foreign.get(one.related_model, ()))
            else:
                shape.append(value if one.choices or isinstance(one, models.BooleanField) else bool(value))
        return tuple(shape)

    def get(self, url: str, data: dict[str, str] | None = None, **headers: str) -> Got:
        response = self.world.clients[self.role].get(url, data or {}, headers=headers)
        return self._got(f"{url} {data}", response)

    def looks(self, url: str) -> Iterator[Got]:
        """The page itself; and as a fragment, with searches for foreign text and foreign ids."""
        yield self.get(url)
        ids = {"tenant": str(self.world.other.tenant.pk), "app": str(self.world.other.app.pk)}
        yield self.get(url, {"q": WORD, **ids}, **{"HX-Request": "true"})
        if not self.of_each_shape or "consents" in url:  # the one part of a page that says which it is
            yield self.get(url, {}, **{"HX-Request": "true", "HX-Target": "run"})

    def plays(self, bodies: Bodies) -> Iterator[Play]:
        """Submit every form of every page, and POST to every page without a form, once with each body. The effects stay
        until the next one is requested."""
        sent: set[tuple[str, str]] = set()
        for _route, page in self.addresses():
            with undone():
                forms = self.forms(page)
            for url, fields, choosers in [*forms, (page, {}, set())]:
                for body in bodies(fields, choosers):
                    if (key := (url, str(sorted(body.items())))) not in sent:
                        sent.add(key)
                        with undone():
                            yield self.play(url, body)

    def play(self, url: str, body: dict[str, Any]) -> Play:
        got: list[Got] = []
        tables = written(lambda: got.extend(self.posts(url, body))) - OF_SESSIONS
        return Play(resolve(urlsplit(url).path).url_name or "", url, body, got, tables)

    def posts(self, url: str, data: dict[str, Any]) -> Iterator[Got]:
        """The response and the page it redirects to."""
        client = self.world.clients[self.role]
        response = client.post(url, data)
        yield self._got(f"{url} {data}", response)
        for _step in range(MOST_FOLLOWED):
            place = response.headers.get("Location", "") if response.status_code == 302 else ""
            if not place or urlsplit(place).netloc:
                return
            response = client.get(place)
            yield self._got(f"{url} {place} {data}", response)

    def forms(self, url: str) -> list[tuple[str, dict[str, Any], set[str]]]:
        """The page's forms: URL, default data, and the fields that choose a row."""
        page = self.world.clients[self.role].get(url)
        if page.status_code != 200 or "html" not in page.headers.get("Content-Type", ""):
            return []
        document: Any = lxml.html.fromstring(b"".join(page) if page.streaming else page.content)
        found = []
        for form in document.forms:
            if form.method != "POST":
                continue
            where = (form.action or url).partition("#")[0]
            fields = {name: value for name, value in form.form_values() if name != "csrfmiddlewaretoken"}
            inputs = [one.get("name") for one in form.iter("select", "input", "textarea") if one.get("name")]
            inputs.remove("csrfmiddlewaretoken")
            blank = {name: WORDS.get(name.rpartition("-")[2], "") for name in inputs if not fields.get(name)}
            choosers = {one for one in inputs if self.world.a_foreign(one.rpartition("-")[2])}
            found.append((where, {**blank, **fields}, choosers))
        return [one for one in found if not self._ends(one[0])]

    def _ends(self, url: str) -> bool:
        return url.partition("?")[0] in {reverse(name) for name in ENDS if name != "session-end"}

    def _got(self, asked: str, response: Any) -> Got:
        return Got(asked, text_of(response), response.status_code)


def text_of(response: HttpResponseBase) -> str:
    content = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    return f"{dict(response.headers)} {content.decode(errors='replace')}"
