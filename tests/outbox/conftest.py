from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.outbox.fake_clock import Time


@pytest.fixture
def time(now: datetime) -> Time:
    return Time(now)


@pytest.fixture
def make_site(sandbox: Sandbox, rows: Rows) -> Callable[..., Site]:
    """A customer whose mailbox may send, here and in the sandbox; a `chosen` one sends the reminders."""

    def make(*, chosen: bool = False, **options: object) -> Site:
        site = rows.site(sandbox, **options)  # type: ignore[arg-type]
        site.mailbox.sends_reminders = chosen
        site.mailbox.save()
        return site

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A customer whose secret expires in five days, with one contact; its own mailbox sends the reminders."""
    return make_site(chosen=True, days=5, contacts=["duty@northpark.example"])
