"""Tables of any length: filtered, searched, sorted by an allowed column, and paged by key instead of offset.

A page of 50 costs the same for a thousand rows and for a million: it starts after the last row shown, by an index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise

from alertadmin.dashboard.ui.keyset_pagination import Keyset
from alertadmin.dashboard.ui.search import apply_search

PAGE = 50
LONGEST_SEARCH = 100
CURSORS = ("after", "before")
"""Parameters of a page's place in its list."""
MOST_COUNTED = 10_000
"""Rows that a page counts at most: counting a hundred thousand takes longer than showing fifty."""

Choices = Sequence[tuple[Any, Any]]
Text = str | Promise


@dataclass(frozen=True)
class Column:
    """One heading. `field` is the sort key; empty if the column cannot be sorted.

    `ties` come between the field and the row's primary key, so that sorting by a joined table follows that table's
    index (by app name: the app's ID) and the order is total.
    """

    label: Text
    field: str = ""
    ties: tuple[str, ...] = ()
    is_hidden: bool = False
    """For screen readers only: the column of actions has no visible heading."""
    key: str = ""
    """Its name in addresses and in the template's `cell`; by default the field."""
    is_extra: bool = False
    """Shown only to users who choose it."""
    is_fixed: bool = False
    """Always shown: it names the row."""

    @property
    def name(self) -> str:
        return self.key or self.field or ("actions" if self.is_hidden else "")


@dataclass(frozen=True)
class Filter:
    """A filter of the table. `where` builds the condition; by default the parameter's name is the field."""

    label: Text
    choices: Choices | Callable[[], Choices]
    """The values with their labels; a function if they depend on the time."""
    where: Callable[[str], Q] | None = None


@dataclass(frozen=True)
class FilterWidget:
    """A filter as the page renders it."""

    name: str
    label: str
    choices: list[tuple[str, str]]
    chosen: str


DIRECTIONS = (("", "↑"), ("-", "↓"))
"""Prefix of `sort` and arrow for ascending and descending."""


@dataclass
class Page:
    rows: list[Any]
    columns: Sequence[Column]
    sort: str
    search: str
    choosers: list[FilterWidget]
    is_first: bool
    next_query: str = ""
    previous_query: str = ""
    name: str = ""
    query: str = ""
    """The page's query string without the cursor."""
    actions: Sequence[Any] = ()
    """Bulk actions on its rows."""
    count: int = 0
    """Rows that match, on all pages; `MOST_COUNTED` + 1 if there are more."""
    total: int = 0
    """The same without search and filters."""
    choices: Sequence[tuple[Column, bool]] = ()
    """Columns that a user may show or hide, and whether they are shown."""

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        return DIRECTIONS

    @cached_property
    def labels(self) -> dict[str, str]:
        """Headings of the columns shown, by their names; empty for those that a phone shows without a label."""
        return {
            column.name: "" if column.is_hidden or column.is_fixed else str(column.label) for column in self.columns
        }

    @property
    def selectable(self) -> bool:
        """Whether rows have a check box."""
        return bool(self.actions)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or any(chooser.chosen for chooser in self.choosers))


@dataclass(frozen=True)
class Table:
    columns: Sequence[Column]
    search: Sequence[str]
    filters: Mapping[str, Filter | tuple[Text, Choices]] = field(default_factory=dict)
    """By query parameter; a pair is a filter on the field of that name."""
    default: str = ""
    name: str = ""
    """The list in addresses and saved views, such as "tenants"."""

    def page(self, request: HttpRequest, queryset: QuerySet[Any]) -> Page:
        """Read `q`, `sort` ("-field" for descending), the filters, `after` and `before`; invalid values are ignored.

        One query, plus one for each searched table; one extra row tells whether there is a next page.
        """
        asked = self.asked(request)
        sort, column = self._sort(asked.get("sort", ""))
        term, choosers = self._term(asked), self._choosers(asked)
        everything, queryset = queryset, self.filter(asked, queryset)
        keys = (column.field, *column.ties, "pk")
        keyset = Keyset(queryset, keys, descending=sort.startswith("-"))
        rows, more, cursor = keyset.read(asked.get("after", ""), asked.get("before", ""), PAGE)
        columns = self._columns(asked)
        page = Page(rows, columns, sort, term, choosers, is_first=cursor is None, name=self.name)
        page.choices = [(column, column in columns) for column in self.columns if not _always_shown(column)]
        has_next = more if cursor != "before" else True
        has_previous = cursor == "after" or (cursor == "before" and more)
        if rows and has_next:
            page.next_query = _with_cursor(asked, after=keyset.cursor(rows[-1]))
        if rows and has_previous:
            page.previous_query = _with_cursor(asked, before=keyset.cursor(rows[0]))
        page.count = _counted(queryset)
        page.total = _counted(everything) if page.is_narrowed else page.count
        return page

    def asked(self, request: HttpRequest) -> QueryDict:
        """The request's parameters; without any, those of the user's default view, which then are the request's too,
        since the page's links start from them."""
        request.GET = request.GET or self._default_view(request)  # type: ignore[assignment]
        return request.GET

    def _default_view(self, request: HttpRequest) -> QueryDict:
        """The query of the view that the user made the default of this list."""
        stored = getattr(getattr(request, "user", None), "saved_views", [])
        found = (one["query"] for one in stored if one["list"] == self.name and one.get("is_default") is True)
        return QueryDict(next(found, ""))

    def matching(self, asked: QueryDict, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """All rows of the list with its search, filters and sort: what an export or an action on all of them reads."""
        sort, column = self._sort(asked.get("sort", ""))
        sign = "-" if sort.startswith("-") else ""
        return self.filter(asked, queryset).order_by(*(f"{sign}{key}" for key in (column.field, *column.ties, "pk")))

    def filter(self, asked: QueryDict, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the search and the filters without paging."""
        for chooser in self._choosers(asked):
            if chooser.chosen:
                queryset = queryset.filter(self._where(chooser))
        if term := self._term(asked):
            queryset = apply_search(queryset, self.search, term)
        return queryset

    def _term(self, asked: QueryDict) -> str:
        return asked.get("q", "").strip()[:LONGEST_SEARCH].replace("\0", "")

    def _choosers(self, asked: QueryDict) -> list[FilterWidget]:
        return [self._chooser(name, asked.get(name, "")) for name in self.filters]

    def _columns(self, asked: QueryDict) -> list[Column]:
        """The columns named by `columns`, in their order; without it those that are not extra."""
        names = set(asked.getlist("columns"))
        if not any(column.name in names for column in self.columns):
            return [column for column in self.columns if not column.is_extra]
        return [column for column in self.columns if column.name in names or _always_shown(column)]

    def _sort(self, asked: str) -> tuple[str, Column]:
        sortable = {column.field: column for column in self.columns if column.field}
        sort = asked if asked.removeprefix("-") in sortable else self.default
        return sort, sortable[sort.removeprefix("-")]

    def _filter(self, name: str) -> Filter:
        found = self.filters[name]
        return found if isinstance(found, Filter) else Filter(*found)

    def _chooser(self, name: str, asked: str) -> FilterWidget:
        found = self._filter(name)
        offered = found.choices() if callable(found.choices) else found.choices
        choices = [(str(value), str(label)) for value, label in offered]
        return FilterWidget(name, str(found.label), choices, asked if asked in dict(choices) else "")

    def _where(self, chooser: FilterWidget) -> Q:
        where = self._filter(chooser.name).where
        return where(chooser.chosen) if where else Q(**{chooser.name: chooser.chosen})


def _always_shown(column: Column) -> bool:
    return column.is_fixed or column.is_hidden


def _counted(queryset: QuerySet[Any]) -> int:
    """Number of rows, at most `MOST_COUNTED` + 1."""
    return queryset.order_by().values("pk")[: MOST_COUNTED + 1].count()


def _with_cursor(asked: QueryDict, **cursor: str) -> str:
    """Query string of the same list at another page."""
    query = asked.copy()
    for name in CURSORS:
        query.pop(name, None)
    query.update(cursor)
    return query.urlencode()
