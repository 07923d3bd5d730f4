"""The table's arithmetic: medians, ratios of each repeat's pair, and whether an aim was met."""

from __future__ import annotations

from time import sleep

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report import HEADINGS, Aim, ReportRow, as_text, duration
from benchmarks.timing import InSql, Side, Times, interleaved

TWICE_AS_LONG = Times(ours=(0.2, 0.4, 0.6), bare=(0.1, 0.2, 0.3))
seconds = st.floats(min_value=1e-7, max_value=1e3)


def row(
    times: Times = TWICE_AS_LONG, aim: Aim | None = None, operations: int = 1, queries: tuple[int, ...] = ()
) -> ReportRow:
    return ReportRow("scan", "by SQL", times, aim or Aim(), operations=operations, queries=queries)


def test_ratio_of_one_operation_is_of_times() -> None:
    ratio = row().ratio
    assert ratio
    assert (ratio.median, ratio.least, ratio.most) == (2, 2, 2)


def test_ratio_of_many_operations_is_of_rates() -> None:
    ratio = row(operations=500).ratio
    assert ratio
    assert ratio.median == 0.5


def test_ratio_is_computed_pair_by_pair() -> None:
    ratio = row(Times(ours=(1, 10, 1), bare=(1, 10, 1))).ratio
    assert ratio
    assert (ratio.least, ratio.most) == (1, 1)


@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=9))
def test_ratio_of_rates_is_inverse_of_ratio_of_times(pairs: list[tuple[float, float]]) -> None:
    times = Times(*zip(*pairs, strict=True))
    of_times, of_rates = row(times).ratio, row(times, operations=2).ratio
    assert of_times
    assert of_rates
    assert of_rates.least == pytest.approx(1 / of_times.most)
    assert of_rates.most == pytest.approx(1 / of_times.least)


@pytest.mark.parametrize(
    ("aim", "met"),
    [
        (Aim(), True),
        (Aim(ratio_at_most=2), True),
        (Aim(ratio_at_most=1.9), False),
        (Aim(ratio_at_least=2), True),
        (Aim(ratio_at_least=2.1), False),
        (Aim(seconds_at_most=0.4), True),
        (Aim(seconds_at_most=0.39), False),
        (Aim(queries_at_most=5), True),
        (Aim(queries_at_most=4), False),
        (Aim(same_queries=True), False),
        (Aim(ratio_at_most=2, seconds_at_most=0.39), False),
    ],
)
def test_aim_is_met_by_medians_in_all_its_parts(aim: Aim, met: bool) -> None:
    assert row(aim=aim, queries=(4, 5)).met is met


def test_ratio_aim_is_not_met_without_baseline() -> None:
    alone = Times(ours=(1,))
    assert not row(alone, Aim(ratio_at_most=3)).met
    assert row(alone, Aim(seconds_at_most=1)).met


def test_row_has_median_and_range_of_both_sides_and_ratio() -> None:
    shown = row(Times(ours=(0.2, 0.4, 0.6), bare=(0.1, 0.1, 0.1)), Aim(ratio_at_most=3), queries=(5, 5, 5)).cells()
    assert shown == (
        "scan",
        "400 ms (200 ms–600 ms)",
        "100 ms",
        "4.00 (2.00–6.00)",
        "≤ 3x",
        "NO",
        "by SQL; 5 queries at each size",
    )


def test_rates_are_shown_per_second() -> None:
    assert row(operations=500).cells()[1:3] == ("1,250/s (833/s–2,500/s)", "2,500/s (1,667/s–5,000/s)")


def test_columns_are_aligned() -> None:
    lines = as_text([row(), row(aim=Aim(ratio_at_most=3))]).splitlines()
    assert len(lines) == 3
    assert len({line.index("by SQL") for line in lines[1:]}) == 1
    assert lines[0].index(HEADINGS[-1]) == lines[1].index("by SQL")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(61.4, "61.4 s"), (1, "1 s"), (0.9994, "999 ms"), (0.0123, "12.3 ms"), (0.00098, "980 µs"), (5e-8, "0.05 µs")],
)
def test_duration_is_shown_in_a_fitting_unit(value: float, shown: str) -> None:
    assert duration(value) == shown


def test_sides_alternate_after_a_warm_up() -> None:
    done: list[str] = []
    ours = Side(lambda: done.append("A"), before=lambda: done.append("("), after=lambda: done.append(")"))
    times = interleaved(ours, Side(lambda: done.append("B")), repeats=3)
    assert "".join(done) == "(A)B" + "(A)B" + "B(A)" + "(A)B"
    assert (len(times.ours), len(times.bare)) == (3, 3)


def test_cleanup_runs_after_a_failed_side() -> None:
    done: list[str] = []

    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        Side(fail, after=lambda: done.append("cleared")).seconds()
    assert done == ["cleared"]


@pytest.mark.django_db
def test_sql_time_excludes_other_work() -> None:
    def work() -> None:
        sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    assert 0 < InSql(work).seconds() < 0.05
    assert InSql(lambda: None).seconds() == 0
