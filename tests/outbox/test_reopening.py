"""What an earlier version left uncertain for good is opened again by a migration, if it is not older than a month."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from alertadmin.outbox import claims
from alertadmin.outbox.models import Delivery, Purpose
from tests.outbox.owing import bare

MIGRATION = import_module("alertadmin.outbox.migrations.0014_doubt_is_no_end")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days", "fields", "is_opened"),
    [
        (0, {}, True),
        (29, {}, True),
        (31, {}, False),
        (1, {"purpose": Purpose.TEST}, False),
        (1, {"purpose": Purpose.CALENDAR}, True),
        (1, {"state": "sent"}, False),
        (1, {"state": "failed"}, False),
    ],
)
def test_what_is_opened_again(days: int, fields: dict[str, str], is_opened: bool) -> None:
    then = timezone.now() - timedelta(days=days)
    bare(1, then, **{"state": "uncertain", "was_uncertain": True, "settled_at": then, **fields})
    MIGRATION.reopen(apps, None)
    [stored] = Delivery.objects.all()
    assert (stored.settled_at is None) == is_opened
    assert claims.due(timezone.now()).exists() == is_opened
