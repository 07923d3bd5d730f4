"""The four steps of a test send, from what its attempt wrote down."""

from __future__ import annotations

from typing import Any

import pytest

from alertadmin.dashboard.mailboxes import send_test_progress
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.registry.models import Mailbox
from mailer.messages import NOT_IN_TOKEN
from tests.conftest import NOW

WENT_WELL = [
    {"step": "tenant", "ms": 3, "detail": "https://login.example"},
    {"step": "token", "ms": 90, "detail": "valid until 09:00 UTC"},
    {"step": "permission", "ms": 91, "detail": "Mail.Send"},
    {"step": "message", "ms": 200, "detail": "HTTP 202"},
]


def shown(state: str, steps: list[dict[str, Any]], mailbox: Mailbox | None = None) -> list[str]:
    """Each step's colour, and how it stands."""
    found = send_test_progress.steps(Delivery(state=state, mailbox=mailbox), Attempt(steps=steps) if steps else None)
    return [
        f"{step.badge.colour}{' failed' if step.is_failed else ''}{' in progress' if step.is_under_way else ''}"
        for step in found
    ]


@pytest.mark.parametrize(
    ("state", "done", "expected"),
    [
        ("pending", 0, ["info in progress", "secondary", "secondary", "secondary"]),
        ("sending", 0, ["info in progress", "secondary", "secondary", "secondary"]),
        ("sending", 2, ["success", "success", "info in progress", "secondary"]),
        ("failed", 1, ["success", "danger failed", "secondary", "secondary"]),
        ("uncertain", 3, ["success", "success", "success", "warning failed"]),
        ("sent", 4, ["success"] * 4),
    ],
)
def test_a_step_is_done_under_way_failed_or_not_tried(state: str, done: int, expected: list[str]) -> None:
    assert shown(state, WENT_WELL[:done]) == expected


def test_its_page_goes_on_asking_while_a_doubt_may_still_be_cleared_up() -> None:
    """A draft is looked up a minute later; what was settled in doubt stays so."""
    waiting = Delivery(state="uncertain")
    assert send_test_progress.is_under_way(waiting)
    waiting.settled_at = NOW
    assert not send_test_progress.is_under_way(waiting)


def test_a_permission_that_is_not_in_the_token_is_doubtful_and_no_failure() -> None:
    steps = [
        *WENT_WELL[:2],
        {"step": "permission", "ms": 91, "detail": NOT_IN_TOKEN % {"permission": "Mail.Send"}},
        WENT_WELL[3],
    ]
    assert shown("sent", steps) == ["success", "success", "warning", "success"]


def test_times_and_details_are_kept() -> None:
    first = send_test_progress.steps(Delivery(state="sent"), Attempt(steps=WENT_WELL))[0]
    assert (str(first.label), first.detail, first.ms) == ("Tenant found", "https://login.example", 3)


def test_on_premises_there_is_no_token_to_wait_for() -> None:
    mailbox = Mailbox(server="plant", transport="ews")
    assert shown("sending", [], mailbox) == ["info in progress"]
    assert shown("failed", [], mailbox) == ["danger failed"]
