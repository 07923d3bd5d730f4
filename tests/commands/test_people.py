"""`sign_in_link` and `reset_second_factor`: help for users who lost a password or a device."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client

from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from tests.helpers.mfa import add_app


def told(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    with suppress(SystemExit):
        call_command(*command, "--json")
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.control(38)
def test_password_link_is_printed(administrator: User, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "sign_in_link", administrator.email.upper())
    assert said["ok"]
    assert said["link"].startswith("http://localhost:8000/new-password/")
    assert Client().get(said["link"].removeprefix("http://localhost:8000")).status_code == 200
    administrator.set_unusable_password()
    administrator.save()
    assert (
        "does not sign in with a password, or is disabled."
        in told(capsys, "sign_in_link", administrator.email)["error"]
    )


def test_second_factor_is_reset(administrator: User, capsys: pytest.CaptureFixture[str]) -> None:
    add_app(administrator)
    assert told(capsys, "reset_second_factor", administrator.email) == {
        "ok": True,
        "email": administrator.email,
        "factors": 2,
    }
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.get(act="factor.removed").who == "command reset_second_factor"


@pytest.mark.parametrize("command", ["sign_in_link", "reset_second_factor"])
def test_unknown_user_is_refused(db: None, capsys: pytest.CaptureFixture[str], command: str) -> None:
    said = told(capsys, command, "unknown@x.example")
    assert not said["ok"]
    assert "No user signs in here" in said["error"]
