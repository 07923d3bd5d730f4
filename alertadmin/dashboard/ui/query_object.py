"""Row named by `?name=<id>` for adding something to it. None if the ID is malformed, unknown or not visible to the
user."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from alertadmin.accounts.access import access_of
from alertadmin.accounts.roles import Right

Row = TypeVar("Row", bound=Model)


def get_from_query(request: HttpRequest, name: str, rows: QuerySet[Row]) -> Row | None:
    try:
        key = UUID(request.GET.get(name, ""))
    except ValueError:
        return None
    return access_of(request).visible(rows, Right.CHANGE).filter(pk=key).first()
