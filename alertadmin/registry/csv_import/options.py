"""What a user decides for a whole file: its tenant, how its dates are read, what its columns are."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from alertadmin.accounts.time_zones import parse_time_zone
from alertadmin.registry import guid, input_validation
from alertadmin.registry.date_parser import DayOrder


@dataclass(frozen=True)
class ImportOptions:
    """Values for the whole file count where it has no such column."""

    day_order: DayOrder | None = None
    """How dates such as 03/04/2027 are read, if the other dates of the file do not settle it."""
    directory_id: str = ""
    tenant_name: str = ""
    client_id: str = ""
    """Of a file with the credentials of one app."""
    app_name: str = ""
    time_zone: str = ""
    """Of tenants that are new; the dates of a stored tenant are in its own."""
    columns: tuple[str, ...] | None = None
    """What each column is taken for, "" for one to leave out; None: by their names."""
    is_partial: bool = False
    """Import the good rows and report the others, in place of all rows or none."""

    @property
    def defaults(self) -> dict[str, str]:
        return {
            "directory_id": self.directory_id,
            "tenant_name": self.tenant_name,
            "client_id": self.client_id,
            "app_name": self.app_name,
        }

    def check(self) -> None:
        """Raises ValidationError, a dictionary by field, for values that are not what they should be."""
        errors = {}
        checks = {
            "directory_id": input_validation.check_directory_id,
            "client_id": guid.normalize,
            "time_zone": parse_time_zone,
        }
        for name, check in checks.items():
            try:
                if value := getattr(self, name):
                    check(value)
            except ValidationError as error:
                errors[name] = error
        if errors:
            raise ValidationError(errors)
