"""What an action on many rows defines."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.utils.functional import Promise

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.bulk.models import BulkJob, BulkRow, RowState

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Target:
    """What a row of the job will be."""

    key: str
    label: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BulkResult:
    """`text` is a stored text. A row that still waits is worked on again from `not_before` on."""

    state: RowState
    text: str = ""
    not_before: datetime | None = None


class BulkAction(Generic[Row]):
    """An action on rows of one model. The right is checked when rows are selected, and again for each row."""

    name: ClassVar[str]
    """Stored with the job: never renamed."""
    label: ClassVar[str | Promise]
    model: type[Row]
    right: ClassVar[Right] = Right.CHANGE
    is_sensitive: ClassVar[bool] = False
    """Whether the user confirms their identity before it starts, as on the page of a single row."""

    def targets(self, access: Access, selected: QuerySet[Row]) -> Generator[Target]:
        """The rows of the job for the selected rows, which all have the right. By default one for each."""
        for row in selected.iterator(chunk_size=500):
            yield Target(str(row.pk), str(row))

    def find(self, access: Access, row: BulkRow) -> Any:
        """What the row works on; None if it is gone or the right has been lost."""
        return self.rows().filter(pk__in=access.visible(self.model, self.right).filter(pk=row.key)).first()

    def rows(self) -> QuerySet[Row]:
        """The model's rows with what `apply` reads."""
        return self.model._default_manager.all()

    def prepare(self, found: Any, row: BulkRow, job: BulkJob, now: datetime) -> Any:
        """Do what asks a server, outside the transaction; what it returns is given to `apply`."""
        return None

    def apply(self, found: Any, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        """Change the row, in the transaction that stores the result. May raise TooManyMails: the row then waits."""
        raise NotImplementedError
