"""What an address asks for by `?name=<id>`: the row, or nothing. A made-up id is no reason for an error page."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


def asked(request: HttpRequest, name: str, rows: QuerySet[Row]) -> Row | None:
    try:
        key = UUID(request.GET.get(name, ""))
    except ValueError:
        return None
    return rows.filter(pk=key).first()
