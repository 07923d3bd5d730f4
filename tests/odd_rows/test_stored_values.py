"""What a row holds is read as far as this version knows it: any JSON in a column, any name, any time in any zone."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.accounts.time_zones import BoundedZone, names
from alertadmin.monitoring.health_checks import Part
from alertadmin.monitoring.health_report import problems_of
from alertadmin.monitoring.models import Heartbeat
from alertadmin.registry.consent.checks import required_pairs
from alertadmin.registry.models import AppRegistration, Consent, Mailbox
from alertadmin.registry.permissions import Permission, TransportName, transport_label
from alertadmin.stored_values import ObjectField, ObjectListField, TextListField, known, shifted
from tests.factories import Rows

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
STEPS = ObjectListField(keys={"step": str, "ms": int})


@given(ANY_JSON)
def test_any_json_gives_the_shape_of_its_column(stored: Any) -> None:
    assert all(isinstance(one, str) for one in TextListField().shaped(stored))
    assert all(isinstance(one, dict) for one in ObjectListField().shaped(stored))
    assert isinstance(ObjectField().shaped(stored), dict)
    assert all(one["step"] + str(one["ms"] + 1) for one in STEPS.shaped(stored))


@given(st.lists(st.text(max_size=5), max_size=3), st.dictionaries(st.text(max_size=5), ANY_JSON, max_size=3))
def test_what_fits_is_kept(texts: list[str], found: dict[str, Any]) -> None:
    assert TextListField().shaped([*texts, None]) == texts
    assert ObjectField().shaped(found) == found
    assert ObjectListField().shaped([found, 1]) == [found]
    assert STEPS.shaped([{"step": "token", "ms": 1, "more": found}, {"step": "token"}])[0]["more"] == found


def test_migrations_know_ordinary_columns() -> None:
    for field in (TextListField(default=list), ObjectListField(keys={"step": str}), ObjectField(blank=True)):
        _name, path, _args, options = field.deconstruct()
        assert path == "django.db.models.JSONField"
        assert "keys" not in options


@pytest.mark.parametrize("stored", ["", "later", "Mail.Send ", "mail.send", None, 5, "\0"])
def test_unknown_names(stored: Any) -> None:
    assert known(Permission, stored) is None
    assert known(Permission, "Mail.Send") is Permission.MAIL_SEND


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(names()))
def test_every_time_can_be_shown_in_every_zone(moment: datetime, name: str) -> None:
    shown = moment.astimezone(BoundedZone(name))
    assert abs(shown.replace(tzinfo=UTC) - moment) <= timedelta(days=1)
    shown.astimezone(UTC), shown.isoformat(), shown.timestamp()
    if 1 < moment.year < 9999:
        assert shown == moment.astimezone(zoneinfo.ZoneInfo(name))
        assert shown.isoformat() == moment.astimezone(zoneinfo.ZoneInfo(name)).isoformat()


@pytest.mark.parametrize(
    "edge", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
)
def test_the_edges_of_time_in_every_zone(edge: datetime) -> None:
    for name in names():
        shown = edge.astimezone(BoundedZone(name))
        assert abs(shown.replace(tzinfo=UTC) - edge) < timedelta(days=1)
        shown.astimezone(UTC)


@given(ANY_JSON | st.lists(st.dictionaries(st.sampled_from(["part", "code", "count", "since", "cause"]), ANY_JSON)))
def test_a_heartbeat_of_another_version_is_read(stored: Any) -> None:
    row = Heartbeat(problems=Heartbeat._meta.get_field("problems").shaped(stored))
    assert all(f"{one.count:d} {one.cause:s}" for one in problems_of(row))


def test_a_part_that_this_version_does_not_have_is_left_out() -> None:
    stored = [
        {"part": "weather", "code": "rain"},
        {"part": "scan", "code": "scan_old", "count": "many", "since": "noon", "colour": 1},
    ]
    [problem] = problems_of(Heartbeat(problems=stored))
    assert (problem.part, problem.code, problem.count, problem.since) == (Part.SCAN, "scan_old", 0, None)


def test_a_transport_of_a_later_version_is_named_and_needs_no_permission() -> None:
    assert Mailbox(transport="pigeon").permission is None
    assert transport_label("pigeon") == "pigeon"
    assert transport_label("graph") == str(TransportName.GRAPH.label)


def test_consents_of_other_apps_are_checked_beside_an_odd_mailbox_and_an_odd_app(rows: Rows) -> None:
    good, odd, shapeless = rows.app(name="good"), rows.app(name="odd"), rows.app(name="shapeless")
    for app in (good, odd):
        Mailbox.objects.create(tenant=app.tenant, app=app, address=f"{app.name}@x.example", transport="graph")
    Mailbox.objects.filter(app=odd).update(transport="pigeon")
    AppRegistration.objects.filter(pk=shapeless.pk).update(permissions={"Mail.Send": [None]})
    assert {pair.app.name: pair.permissions for pair in required_pairs()} == {
        "good": (Permission.MAIL_SEND,),
        "odd": (Permission.MAIL_SEND,),
    }


def test_a_permission_of_a_later_version_has_no_resource() -> None:
    consent = Consent(permission="Mail.Fly", status="granted", roles=["Mail.Fly"])
    assert (consent.resource, consent.optional, consent.has_optional) == (None, "", False)


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas())
def test_a_moment_is_shifted_as_far_as_there_is_time(moment: datetime, by: timedelta) -> None:
    shown = shifted(moment, by)
    assert shown.tzinfo is UTC
    try:
        assert shown == moment + by
    except OverflowError:
        assert shown.replace(tzinfo=None) == (datetime.max if by > timedelta() else datetime.min)  # noqa: DTZ901
    assert shifted(moment.date(), timedelta(days=by.days)) <= date.max
