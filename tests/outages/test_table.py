"""The table of `python -m tests.outages`: nothing is lost in any cell. Here a part of it, and all of it in `--all`."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

import pytest

from tests.outages import answers
from tests.outages.answers import ProviderAnswer
from tests.outages.cells import LENGTHS, TRANSPORTS, Cell, cells, play
from tests.outages.provider import Provider
from tests.outages.report import breaks
from tests.outbox.fake_clock import Time

pytestmark = pytest.mark.django_db(transaction=True)

MINUTES, DAYS = timedelta(minutes=5), timedelta(days=2)


def cell(answer: ProviderAnswer, transport: str, length: timedelta = MINUTES, *, relay: bool = False) -> Cell:
    return Cell(answer, transport, relay, length)


QUICK = [
    cell(answers.GATEWAY_TIMEOUT, "graph"),
    cell(answers.GATEWAY_TIMEOUT, "graph", relay=True),
    cell(answers.GATEWAY_TIMEOUT.accepting(), "graph", relay=True),
    cell(answers.GATEWAY_TIMEOUT.accepting(), "graph with drafts"),
    cell(answers.GATEWAY_TIMEOUT, "graph with drafts", relay=True),
    cell(answers.CUT_AFTER, "ews", relay=True),
    cell(answers.BARE_500.accepting(), "ews"),
    cell(answers.SILENCE, "smtp", relay=True),
    cell(answers.CUT_AFTER.accepting(), "relay alone"),
    cell(answers.PROXY_PAGE, "graph"),
    cell(answers.TRUNCATED, "graph"),
    cell(answers.PAGE_AS_SUCCESS, "webhook"),
    cell(answers.BAD_GATEWAY, "graph", DAYS, relay=True),
    Cell(answers.PROXY_PAGE, "graph", False, MINUTES, at_token=True),
]
"""Enough for each ./test: each transport, each kind of doubt."""


@pytest.mark.parametrize("cell", QUICK, ids=lambda cell: cell.label)
def test_an_outage_loses_nothing(cell: Cell, provider: Provider, time: Time) -> None:
    verdict = play(cell, provider, time)
    assert breaks(cell, verdict) == ""


@pytest.mark.slow
@pytest.mark.parametrize("length", LENGTHS, ids=str)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_outage_loses_anything(transport: str, length: timedelta, provider: Provider, time: Time) -> None:
    chosen = [one for one in cells() if (one.transport, one.length) == (transport, length)]
    broken = {one.label: said for one in chosen if (said := breaks(one, play(one, provider, time)))}
    assert broken == {}


def test_the_table_has_each_answer_at_each_transport_that_can_give_it() -> None:
    """And each of them for each length, with and without a relay where that is another matter."""
    for _key, found in groupby(cells(), key=lambda one: (one.answer, one.transport, one.relay, one.at_token)):
        assert [one.length for one in found] == list(LENGTHS)
    given = {(one.answer.name, one.transport) for one in cells()}
    assert {name for name, _transport in given} == {answer.name for answer in answers.ANSWERS}
    assert {transport for _name, transport in given} == set(TRANSPORTS)
