"""A forecast as an item of a check: a sentence, a line with its band, and the figures to compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from activities.baselines.history import LongSeries
from activities.baselines.measure import in_short
from activities.forecasts.limit import Reached, When, reached
from activities.forecasts.trend import LEAST_DAYS, Daily, Trend, trend
from models.base import in_bytes
from models.checks.item import Figure, ItemResult, ItemState
from models.configuration.monthly import ForecastSettings
from models.incident.report import Chart, ChartKind, Series

SHOWN_AHEAD = 90
"""Days of the chart."""
MONTH = 30
OLD = timedelta(days=3)
"""So long ago the newest day may be; from an older one nothing is said of today."""


@dataclass(frozen=True)
class About:
    """What is forecast, in words, and what it is measured by."""

    what: str
    """As in "the cost of a day"."""
    chart: str
    unit: str
    limit: float | None
    limited_by: str
    """What the limit is, such as "the budget"; where there is none, what to configure."""
    service: str

    def shown(self, value: float) -> str:
        if self.unit == "B":
            return in_bytes(round(value)) if value >= 0 else f"-{in_bytes(round(-value))}"
        return f"{in_short(value)} {self.unit}".strip()


def forecast(
    values: Sequence[Daily], series: LongSeries, about: About, settings: ForecastSettings, today: date
) -> ItemResult:
    """`bad` when the limit is reached, or soon will be; `unknown` without enough data, or without a limit."""
    base = ItemResult(observed_at=datetime.now(UTC), details=tuple(_missing(series)))
    found = trend(values, settings.level)
    if found is None:
        had = f"{len(values)} days with a value, and {LEAST_DAYS} are needed"
        why = series.reason if series.reason and not values else f"too little data: {had}"
        return base.model_copy(update={"reason": f"{about.what} cannot be forecast: {why}"})
    if today - found.last > OLD:
        reason = f"{about.what} cannot be forecast: the newest value is of {found.last}"
        return base.model_copy(update={"reason": reason})
    when = reached(found, about.limit) if about.limit is not None else None
    return base.model_copy(
        update={
            "state": _state(when, found, settings),
            "reason": f"{_now(found, about)}; {_reached(when, about)}",
            "threshold": "" if about.limit is None else f"{about.limited_by}: {about.shown(about.limit)}",
            "details": (*_details(found, about), *base.details),
            "figures": tuple(_figures(found, when, about, today)),
            "charts": (_chart(values, found, when, about),),
            "services": (about.service,),
        }
    )


def _state(when: Reached | None, found: Trend, settings: ForecastSettings) -> ItemState:
    if when is None:
        return ItemState.UNKNOWN
    soon, later = found.last + settings.bad_within, found.last + settings.attention_within
    if when.when is When.ALREADY or (when.on and when.on <= soon):
        return ItemState.BAD
    maybe_soon = when.earliest is not None and when.earliest <= soon
    return ItemState.ATTENTION if maybe_soon or (when.on and when.on <= later) else ItemState.OK


def _now(found: Trend, about: About) -> str:
    grows = found.slope.value * MONTH
    if found.slope.low <= 0 <= found.slope.high:
        pace = "without a clear trend"
    else:
        low, high = sorted(abs(one * MONTH) for one in (found.slope.low, found.slope.high))
        verb = "growing" if grows > 0 else "falling"
        pace = f"{verb} by {about.shown(abs(grows))} in {MONTH} days"
        pace += f" ({found.certainty:.0%}: {about.shown(low)} to {about.shown(high)})" if low < high else ""
    return f"{about.what} is {about.shown(found.level)}, {pace}"


def _reached(when: Reached | None, about: About) -> str:
    if when is None or about.limit is None:
        return about.limited_by
    limit = f"{about.limited_by} of {about.shown(about.limit)}"
    if when.when is When.NOT_WITHIN:
        return f"{limit} is not reached within 12 months"
    if when.when is When.UNCERTAIN:
        return f"whether {limit} is reached within 12 months is {when.says}"
    return f"{limit} is reached {when.says}"


def _details(found: Trend, about: About) -> list[str]:
    said = [
        f"in {days} days a single day is {about.shown(band.value)}"
        f" ({found.certainty:.0%}: {about.shown(band.low)} to {about.shown(band.high)})"
        for days in (MONTH, SHOWN_AHEAD)
        for band in (found.at(days),)
    ]
    if found.step:
        said.append(f"its level changed in a step on {found.step}: that is no trend")
    if found.bend:
        said.append(f"since {found.bend} it goes another way than before: only what came since counts")
    if found.weekly:
        highest = max(found.weekly, key=lambda weekday: found.weekly[weekday])
        said.append(f"weekdays differ: {_WEEKDAYS[highest]} is {about.shown(found.peak)} above the average")
    return said


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _missing(series: LongSeries) -> list[str]:
    said = [f"Prometheus has {series.covers}"] if series.covers else []
    return [*said, series.reason] if series.reason and series.points else said


def _figures(found: Trend, when: Reached | None, about: About, today: date) -> list[Figure]:
    left = (when.on - today).days if when and when.on and when.when is When.ABOUT else None
    return [
        Figure(name="now", value=round(found.level, 6), unit=about.unit),
        Figure(name=f"in {MONTH} days", value=round(found.line(MONTH).value, 6), unit=about.unit),
        Figure(name="days until the limit", value=left),
    ]


def _chart(values: Sequence[Daily], found: Trend, when: Reached | None, about: About) -> Chart:
    """The days as they were, and the line on with its band, on one calendar."""
    first = max(values[0].day, found.last - timedelta(days=99))
    past = [first + timedelta(days=day) for day in range((found.last - first).days + 1)]
    ahead = range(1, SHOWN_AHEAD + 1)
    bands = [found.at(day) for day in ahead]
    known = {one.day: one.value for one in values}
    scale: Callable[[float], float] = lambda value: value / 2**30 if about.unit == "B" else value  # noqa: E731
    unit = " GiB" if about.unit == "B" else f" {about.unit}" if about.unit else ""
    gap: list[float | None] = [None] * len(past)
    return Chart(
        name=about.chart,
        kind=ChartKind.LINE,
        title=f"{about.what[:1].upper()}{about.what[1:]}",
        says=f"{_now(found, about)}; {_reached(when, about)}.",
        labels=(
            *(f"{day:%m-%d}" for day in past),
            *(f"{found.last + timedelta(days=day):%m-%d}" for day in ahead),
        ),
        series=(
            Series(
                name="measured",
                values=(*(scale(known[day]) if day in known else None for day in past), *[None] * len(ahead)),
            ),
            Series(
                name="forecast",
                values=(*gap, *(scale(band.value) for band in bands)),
                low=(*gap, *(scale(band.low) for band in bands)),
                high=(*gap, *(scale(band.high) for band in bands)),
            ),
        ),
        unit=unit,
        line=None if about.limit is None else scale(about.limit),
    )
