"""Measured thresholds as an item of a check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from activities.baselines.history import LongSeries
from activities.baselines.measure import Measured, Threshold
from activities.baselines.rows import Row, as_item
from activities.monitoring.metrics import Point
from models.checks.item import ItemState

MONTH = timedelta(days=30)


def measured(p99: float = 1.0, proposed: float | None = None, *, judged: bool = True) -> Measured:
    return Measured(
        p50=p99 / 2,
        p95=p99,
        p99=p99,
        over=timedelta(days=3),
        over_share=0.1,
        fired=2,
        days=30,
        proposed=proposed,
        would_fire=None if proposed is None else 0,
        judged=judged,
        reason="because",
    )


RIGHT = Row("p95", Threshold(2), "s", measured())
OTHER = Row("error ratio", Threshold(0.05), "%", measured(0.06, 0.075))
UNCLEAR = Row("cost", Threshold(100), "$", measured(26_000, judged=False))
GONE = Row("heap", Threshold(0.9), "%", None, LongSeries(reason="connection refused"))


def test_what_is_all_right_is_ok() -> None:
    found = as_item([RIGHT], MONTH, "")
    assert (found.state, found.reason) == (ItemState.OK, "1 of 1 thresholds are right")
    assert found.tables[0].rows == (
        ("p95", "2 s", "0 s", "0.5 s", "1 s", "1 s", "3 days (10.0%)", "2 times"),
    )


def test_another_value_needs_attention_and_says_instead_of_what() -> None:
    found = as_item([RIGHT, OTHER, UNCLEAR], MONTH, "")
    assert found.state is ItemState.ATTENTION
    assert found.details == ("error ratio: 7.5 % instead of 5 % (because)", "cost: because")
    assert found.tables[1].rows[1] == ("error ratio", "5 %", "7.5 %", "never", "because")


def test_what_cannot_be_said_is_unknown() -> None:
    found = as_item([RIGHT, GONE], MONTH, "")
    assert (found.state, found.details) == (ItemState.UNKNOWN, ("heap: connection refused",))
    assert as_item([], MONTH, "").state is ItemState.OK


def test_one_that_is_far_beyond_leaves_the_others_readable() -> None:
    (chart,) = as_item([RIGHT, UNCLEAR], MONTH, "").charts
    assert [max(one.values) for one in chart.series] == [200, 200, 200]  # type: ignore[type-var]
    assert chart.title.endswith(", up to 200 %")
    assert "cost 26000 %" in chart.says
    (whole,) = as_item([RIGHT], MONTH, "").charts
    assert not whole.title.endswith("200 %")


def lasting(hours: int) -> LongSeries:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    points = tuple(Point(at=first + timedelta(hours=hour), value=1) for hour in range(hours))
    return LongSeries(points=points, wanted=MONTH, step=timedelta(hours=1))


def test_a_shorter_past_is_said() -> None:
    known = [lasting(hours).covers for hours in (0, 5, 15 * 24, 30 * 24 - 5)]
    assert known == ["", "less than 1 of 30 days", "15 of 30 days", ""]
    half = Row("p95", Threshold(2), "s", measured(), lasting(15 * 24))
    assert as_item([half], MONTH, "").details == ("p95: Prometheus has 15 of 30 days",)
