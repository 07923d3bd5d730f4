"""What needs somebody today, as the overview says it."""

from __future__ import annotations

from datetime import timedelta

from alertadmin.dashboard.overview.needs import needs
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.reminders import scan
from tests.conftest import NOW
from tests.rows import Rows


def test_of_a_secret_that_ends_it_says_how_many_people_were_told(rows: Rows) -> None:
    people = ["a@north.example", "b@north.example"]
    rows.credential(rows.app(rows.tenant("North", people)), days=5)
    rows.credential(rows.app(rows.tenant("South", ["c@south.example"])), days=10)
    for at in (NOW, NOW + timedelta(days=3)):
        scan.run(at)
    Delivery.objects.filter(recipient__in=people).update(state=DeliveryState.SENT)
    assert [need.detail for need in needs(NOW)] == ["alert · told 2 people", "alert · nobody told yet"]
