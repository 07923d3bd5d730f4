"""Create customers in the sandbox, and the CSV file that imports them into an installation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from alertadmin.registry.csv_import import COLUMNS
from alertadmin.registry.permissions import Permission
from sandbox import Sandbox
from tests.commands.installation import Installation, Result


@dataclass
class Customer:
    """`row` is its line of the file; `directory_id`, `client_id` and `secret` are those of the sandbox."""

    directory_id: str
    client_id: str
    secret: str
    address: str
    row: dict[str, str]


@dataclass
class Customers:
    sandbox: Sandbox
    file: Path
    all: list[Customer] = field(default_factory=list)

    def add(
        self,
        *,
        transport: str = "graph",
        granted: Sequence[Permission] = tuple(Permission),
        days: float = 400,
        contacts: str = "",
        **cells: str,
    ) -> Customer:
        """Create a customer without errors; its secret expires in so many days."""
        directory, domain = self.sandbox.directory, f"{uuid4().hex[:8]}.example"
        tenant = directory.add_tenant(f"Customer {len(self.all)}", domain)
        app = directory.add_app(tenant, "ALERT")
        secret = str(directory.add_secret(app).value)
        for permission in granted:
            directory.grant(app, permission.value)
        address = f"alarms@{domain}"
        directory.add_mailbox(tenant, address)
        row = {
            "tenant_name": tenant.name,
            "directory_id": tenant.directory_id,
            "cloud": "lab",
            "contact_emails": contacts,
            "app_name": "ALERT",
            "client_id": app.client_id,
            "secret_description": "alert",
            "secret_value": secret,
            "secret_expires_on": (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds"),
            "mailbox": address,
            "transport": transport,
        }
        customer = Customer(tenant.directory_id, app.client_id, secret, address, {**row, **cells})
        self.all.append(customer)
        return customer

    def write(self) -> Path:
        with self.file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(customer.row for customer in self.all)
        return self.file

    def bring_into(self, installation: Installation) -> Result:
        result = installation.run("import_registrations", str(self.write()), "--json")
        assert result.code == 0, result
        return result

    def messages(self, recipient: str) -> list[dict[str, object]]:
        """Return the messages that the sandbox accepted for a recipient."""
        return [one for one in self.sandbox.ledger.messages() if recipient in one["to"]]
