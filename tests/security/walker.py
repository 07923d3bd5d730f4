"""Goes through every address with the ids of own rows, as a person with a role in one tenant: what they get, fragment,
form and answer alike, and what their forms write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import lxml.html
from django.db import transaction
from django.http import HttpResponseBase
from django.urls import reverse

from alertadmin.accounts.roles import Role
from tests.security.foreign import WORD, Foreign
from tests.security.routes import Route, routes

ENDS = {"sign-out", "sessions-end", "session-end", "set_language", "confirm", "password-change"}
"""They end the walker's session, or are about nothing but it."""
ASKS_MICROSOFT = {"guide-check", "guide-prove", "consent-check", "credential-promote", "mailbox-sign-in-begin"}
"""Posting waits for an answer, which takes its time; what they write is looked at without one."""
WORDS = {"recipient": "to@x.example", "address": "new@x.example", "email": "new@x.example", "reason": "for the PLC"}
MOST_FOLLOWED = 2


@dataclass(frozen=True)
class Got:
    asked: str
    answer: str
    status: int


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass
class Walker:
    world: Foreign
    role: Role

    def addresses(self) -> Iterator[tuple[Route, str]]:
        """Every address that an own row, or a token of theirs, makes good."""
        for route in routes():
            if route.name in ENDS:
                continue
            if route.has_row:
                for key in self.world.keys[self.role].get(route.model, []):
                    yield route, route.address(key)
            elif token := self.world.tokens.get(route.name):
                yield route, reverse(route.name, args=[token])
            elif not route.converters:
                yield route, reverse(route.name)

    def get(self, url: str, data: dict[str, str] | None = None, **headers: str) -> Got:
        response = self.world.clients[self.role].get(url, data or {}, headers=headers)
        return self._got(f"{url} {data}", response)

    def looks(self, url: str) -> Iterator[Got]:
        """As it is; and as a part of a page, searched for what foreign rows alone hold, with foreign ids."""
        yield self.get(url)
        ids = {"tenant": str(self.world.other.tenant.pk), "app": str(self.world.other.app.pk)}
        yield self.get(url, {"q": WORD, **ids}, **{"HX-Request": "true"})
        yield self.get(url, {}, **{"HX-Request": "true", "HX-Target": "run"})

    def posts(self, url: str, data: dict[str, Any]) -> Iterator[Got]:
        """The answer, and the page that it leads to."""
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
        """Of a page: where each leads, what a browser sends of it as it stands, and which fields choose a row."""
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
