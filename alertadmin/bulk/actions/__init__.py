"""All bulk actions, by name."""

from __future__ import annotations

from typing import Any

from alertadmin.bulk.actions.base import BulkAction
from alertadmin.bulk.actions.consents import CheckConsent, RequestConsent
from alertadmin.bulk.actions.credentials import Acknowledge, NotifyOwners
from alertadmin.bulk.actions.mailboxes import MoveToGraph, SendTest
from alertadmin.bulk.actions.tenants import SetContacts, SetLanguage, SetPolicy, SetTimeZone

ACTIONS: dict[str, BulkAction[Any]] = {
    action.name: action
    for action in (
        CheckConsent(),
        RequestConsent(),
        Acknowledge(),
        NotifyOwners(),
        SendTest(),
        MoveToGraph(),
        SetContacts(),
        SetTimeZone(),
        SetLanguage(),
        SetPolicy(),
    )
}


def find_action(name: str) -> BulkAction[Any] | None:
    """None for an action that this version does not know."""
    return ACTIONS.get(name)
