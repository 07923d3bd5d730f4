"""Item 2: which kind of route may carry a mail of which purpose."""

from __future__ import annotations

import itertools

import pytest

from alertadmin.outbox.delivery.route_policy import (
    TABLE,
    RouteKind,
    RouteRefusal,
    kind_of_channel,
    refusal,
)
from alertadmin.outbox.models import Channel, Purpose
from tests.factories import Rows

pytestmark = pytest.mark.control(75)


YES = None
NOT_FOR_LINKS = (
    YES,
    RouteRefusal.COPY_STAYS,
    RouteRefusal.GRANTS_ACCESS,
    RouteRefusal.GRANTS_ACCESS,
    YES,
    RouteRefusal.GRANTS_ACCESS,
    RouteRefusal.GRANTS_ACCESS,
    RouteRefusal.NOT_ADDRESSED,
)
NOT_FOR_STAFF = (
    YES,
    YES,
    RouteRefusal.OF_THE_INSTALLATION,
    RouteRefusal.OF_THE_INSTALLATION,
    YES,
    YES,
    RouteRefusal.OF_THE_INSTALLATION,
    RouteRefusal.NOT_ADDRESSED,
)
NOT_FOR_OTHERS = (YES, YES, YES, RouteRefusal.NOT_THEIRS, YES, YES, RouteRefusal.NOT_THEIRS)
ONE_ROUTE = (RouteRefusal.TESTS_ONE_ROUTE,) * 7
EXPECTED: dict[Purpose, tuple[RouteRefusal | None, ...]] = {
    Purpose.INVITATION: NOT_FOR_LINKS,
    Purpose.PASSWORD: NOT_FOR_LINKS,
    Purpose.PROOF: NOT_FOR_LINKS,
    Purpose.HOUSE: NOT_FOR_STAFF,
    Purpose.HANDOVER: NOT_FOR_STAFF,
    Purpose.ACCOUNT: (*NOT_FOR_STAFF[:5], RouteRefusal.WRITTEN_TO_ONE, *NOT_FOR_STAFF[6:]),
    Purpose.REMINDER: (*NOT_FOR_OTHERS, YES),
    Purpose.CALENDAR: (*NOT_FOR_OTHERS, RouteRefusal.NOT_ADDRESSED),
    Purpose.CONSENT: (
        *NOT_FOR_OTHERS[:5],
        RouteRefusal.WRITTEN_TO_ONE,
        RouteRefusal.NOT_THEIRS,
        RouteRefusal.NOT_ADDRESSED,
    ),
    Purpose.RENEWAL: (
        *NOT_FOR_OTHERS[:5],
        RouteRefusal.WRITTEN_TO_ONE,
        RouteRefusal.NOT_THEIRS,
        RouteRefusal.NOT_ADDRESSED,
    ),
    Purpose.TEST: (*ONE_ROUTE, YES),
}
"""In the order of RouteKind. A new purpose gets its row here too."""


@pytest.mark.parametrize(("purpose", "kind"), [*itertools.product(Purpose, RouteKind)])
def test_02_each_purpose_by_each_kind_of_route(purpose: Purpose, kind: RouteKind) -> None:
    assert refusal(purpose, kind) == EXPECTED[purpose][list(RouteKind).index(kind)]


def test_02_the_table_has_a_row_for_each_purpose_and_a_cell_for_each_route() -> None:
    assert set(TABLE) == set(Purpose)
    assert all(set(row) == set(RouteKind) for row in TABLE.values())


def test_02_a_tenants_channel_is_none_of_the_installation(rows: Rows, db: None) -> None:
    app = rows.app()
    assert kind_of_channel(Channel(tenant=app.tenant)) == kind_of_channel(Channel(app=app)) == RouteKind.TENANT_CHANNEL
    assert kind_of_channel(Channel()) == RouteKind.INSTALLATION_CHANNEL
