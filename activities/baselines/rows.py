"""Measured thresholds as an item of a check: one row each, a chart, and the figures to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.baselines.history import LongSeries
from activities.baselines.measure import Measured, Threshold, in_short
from models.base import in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.incident.report import Chart, Series
from models.text import shorten

MEASURED = ("threshold", "now", "for", "p50", "p95", "p99", "crossed for", "would have fired")
PROPOSED = ("threshold", "now", "proposed", "would then have fired", "why")

MOST_BARS = 25
"""Rows that a chart shows side by side."""
LONGEST_BAR = 200
"""Percent of the threshold: beside one that is crossed a hundredfold, the others could not be read."""


@dataclass(frozen=True)
class Row:
    """One threshold, and what its baseline says; without one, why it is not known."""

    name: str
    threshold: Threshold
    unit: str = ""
    measured: Measured | None = None
    series: LongSeries = field(default_factory=LongSeries)

    def shown(self, value: float) -> str:
        if self.unit == "%":
            return f"{in_short(100 * value)} %"
        return f"{in_short(value)} {self.unit}".strip()

    @property
    def proposes(self) -> str:
        """What is to be changed, in a sentence."""
        assert self.measured is not None and self.measured.proposed is not None  # noqa: S101
        new, now = self.shown(self.measured.proposed), self.shown(self.threshold.value)
        return f"{self.name}: {new} instead of {now} ({self.measured.reason})"

    @property
    def unclear(self) -> str:
        """Why nothing can be said of it; empty where something can."""
        if self.measured is None:
            return f"{self.name}: {self.series.reason or 'Prometheus has no data of it'}"
        return "" if self.measured.judged else f"{self.name}: {self.measured.reason}"


def as_item(rows: Sequence[Row], over: timedelta, link: str, more: Sequence[str] = ()) -> ItemResult:
    """`attention` where another value is proposed, `unknown` where nothing can be said of one."""
    changed = [row for row in rows if row.measured and row.measured.proposed is not None]
    unclear = [row.unclear for row in rows if row.unclear]
    right = len(rows) - len(changed) - len(unclear)
    said = [f"{right} of {len(rows)} thresholds are right"] if right else []
    names = ", ".join(row.name for row in changed)
    said += [f"{len(changed)} should be another value: {names}"] * bool(changed)
    said += [f"nothing can be said of {len(unclear)}"] * bool(unclear)
    state = ItemState.ATTENTION if changed else ItemState.UNKNOWN if unclear else ItemState.OK
    short = [f"{row.name}: Prometheus has {row.series.covers}" for row in rows if row.series.covers]
    short += [f"{row.name}: {row.series.reason}" for row in rows if row.series.reason and row.measured]
    return ItemResult(
        state=state,
        reason="; ".join(said) if rows else "there is no threshold to measure",
        threshold=f"{in_words_of_days(over)} of baseline",
        link=link,
        observed_at=datetime.now(UTC),
        details=(*(row.proposes for row in changed), *unclear, *short, *more),
        figures=tuple(_figures(rows)),
        tables=_tables(rows) if rows else (),
        charts=_chart(rows),
    )


def in_words_of_days(over: timedelta) -> str:
    return f"{over.days} days" if over >= timedelta(days=2) else in_words(over)


def _tables(rows: Sequence[Row]) -> tuple[Table, ...]:
    return (
        Table(title="Thresholds and their baseline", columns=MEASURED, rows=tuple(map(_measured, rows))),
        Table(title="What would fit", columns=PROPOSED, rows=tuple(map(_proposed, rows))),
    )


def _measured(row: Row) -> tuple[str, ...]:
    head = (row.name, row.shown(row.threshold.value), in_words(row.threshold.lasts))
    found = row.measured
    if found is None:
        return (*head, *["no data"] * 5)
    crossed = f"{in_words_of_days(found.over)} ({found.over_share:.1%})" if found.over else "never"
    numbers = (row.shown(found.p50), row.shown(found.p95), row.shown(found.p99))
    return (*head, *numbers, crossed, _times(found.fired))


def _proposed(row: Row) -> tuple[str, ...]:
    head, found = (row.name, row.shown(row.threshold.value)), row.measured
    if found is None:
        return (*head, "", "", row.series.reason or "no data")
    if found.proposed is None:
        return (*head, "", "", found.reason)
    return (*head, row.shown(found.proposed), _times(found.would_fire or 0), found.reason)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times" if number else "never"


def _figures(rows: Sequence[Row]) -> list[Figure]:
    found: list[Figure] = []
    for row in rows:
        if row.measured:
            value, unit = row.measured.p99, "" if row.unit == "%" else row.unit
            found.append(Figure(name=f"{row.name}: p99", value=value, unit=unit))
            found.append(Figure(name=f"{row.name}: would have fired", value=row.measured.fired))
    return found


def _chart(rows: Sequence[Row]) -> tuple[Chart, ...]:
    """How near to its threshold each is, in percent of it."""
    known = [row for row in rows if row.measured and row.threshold.value > 0][:MOST_BARS]
    if not known:
        return ()
    levels = {
        name: [100 * getattr(row.measured, name) / row.threshold.value for row in known]
        for name in ("p50", "p95", "p99")
    }
    cut = any(value > LONGEST_BAR for values in levels.values() for value in values)
    said = "; ".join(f"{row.name} {at:.0f} %" for row, at in zip(known, levels["p99"], strict=True))
    return (
        Chart(
            name="thresholds",
            title=f"The baseline in percent of its threshold{f', up to {LONGEST_BAR} %' * cut}",
            says=f"The 99th percentile is, in percent of its threshold: {shorten(said, 600)}.",
            labels=tuple(row.name for row in known),
            series=tuple(
                Series(name=name, values=tuple(min(value, LONGEST_BAR) for value in values))
                for name, values in levels.items()
            ),
            unit=" %",
            line=100,
        ),
    )
