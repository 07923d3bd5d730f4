"""The records of the directory, and their file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.state.models import (
    Certificate,
    SandboxApp,
    SandboxMailbox,
    SandboxPerson,
    SandboxSignIn,
    SandboxTenant,
    Secret,
    moment,
)

Grant = tuple[str, str, str]
"""client id, directory id, permission"""


@dataclass
class DirectoryState:
    """Records by their ids (mailboxes by address in lower case, sign-ins by the SHA-256 of their refresh token, people
    by object id).

    `logins` are usernames and passwords on premises.
    """

    tenants: dict[str, SandboxTenant] = field(default_factory=dict)
    apps: dict[str, SandboxApp] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    mailboxes: dict[str, SandboxMailbox] = field(default_factory=dict)
    grants: set[Grant] = field(default_factory=set)
    scopes: dict[Grant, list[str]] = field(default_factory=dict)
    installed: set[tuple[str, str]] = field(default_factory=set)
    logins: dict[str, str] = field(default_factory=dict)
    sign_ins: dict[str, SandboxSignIn] = field(default_factory=dict)
    people: dict[str, SandboxPerson] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> DirectoryState:
        """Read the state of an earlier run; empty without a file."""
        if not file.exists():
            return cls()
        raw: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for one in raw["secrets"]:
            one["starts_at"], one["expires_at"] = moment(one["starts_at"]), moment(one["expires_at"])
        for one in (sign_ins := raw.get("sign_ins", {})).values():
            one["issued_at"] = moment(one["issued_at"])
        return cls(
            tenants={one["directory_id"]: SandboxTenant(**one) for one in raw["tenants"]},
            apps={one["client_id"]: SandboxApp(**one) for one in raw["apps"]},
            secrets={one["key_id"]: Secret(**one) for one in raw["secrets"]},
            certificates={one["key_id"]: Certificate(**one) for one in raw["certificates"]},
            mailboxes={one["address"].lower(): SandboxMailbox(**one) for one in raw["mailboxes"]},
            grants={(grant[0], grant[1], grant[2]) for grant in raw["grants"]},
            scopes={(row[0], row[1], row[2]): row[3] for row in raw["scopes"]},
            installed={(pair[0], pair[1]) for pair in raw["installed"]},
            logins=raw["logins"],
            sign_ins={digest: SandboxSignIn(**one) for digest, one in sign_ins.items()},
            people={one["object_id"]: SandboxPerson(**one) for one in raw.get("people", [])},
        )

    def write(self, file: Path) -> None:
        """Replace the file atomically, so that a killed process leaves the old or the new state."""
        raw = {
            "tenants": list(self.tenants.values()),
            "apps": list(self.apps.values()),
            "secrets": list(self.secrets.values()),
            "certificates": list(self.certificates.values()),
            "mailboxes": list(self.mailboxes.values()),
            "grants": sorted(self.grants),
            "scopes": [[*grant, addresses] for grant, addresses in self.scopes.items()],
            "installed": sorted(self.installed),
            "logins": self.logins,
            "sign_ins": self.sign_ins,
            "people": list(self.people.values()),
        }
        fresh = file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(raw, default=_plain))
        fresh.replace(file)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    # Not asdict(), whose deep copies make each change of a large directory slow.
    return {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]
