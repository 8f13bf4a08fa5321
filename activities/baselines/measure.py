"""A threshold beside what was measured in a month: how often it was crossed, and what would fit.

The rule, in words. What is usual is told by days, so that a bad day or two decide nothing: of each day
the 99th percentile is its peak, and nine of ten days stay under the *usual peak*. Times with an incident
do not count.

- Fires on more than one day in ten without an incident: raised to the usual peak and a quarter more.
- More than five times the usual peak, so that it would be seen late: lowered to twice the usual peak.
- Anything else is right.

Nothing is proposed with too little data, and where incidents, or the values beyond the threshold, fill more
than a quarter of the time: what is usual cannot be told from what is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from math import ceil, floor, log10
from statistics import quantiles
from zoneinfo import ZoneInfo

from activities.monitoring.metrics import Point
from models.base import Model
from models.configuration.monthly import ThresholdSettings

FILLED = 0.25
"""The share of the time that is too much of it."""
NOISY = 0.1
"""The share of days on which an alert may fire without an incident."""
FAR, LOWERED_TO = 5.0, 2.0
"""So many times the usual peak are far beyond it; so many times it a lowered threshold is."""
MOST_OF_A_SHARE = 0.95
"""No threshold is proposed beyond this part of something whole, such as a heap."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Threshold:
    """What an alert is measured by. It fires after `lasts` without a break beyond `value`."""

    value: float
    lasts: timedelta = timedelta()
    above: bool = True
    inclusive: bool = False
    share: bool = False
    """A part of something whole, which is 1."""

    def beyond(self, value: float) -> bool:
        """Whether it is crossed."""
        if value == self.value:
            return self.inclusive
        return value > self.value if self.above else value < self.value


class Measured(Model):
    """The baseline beside one threshold."""

    p50: float
    p95: float
    p99: float
    """For a threshold that is crossed downwards, the 50th, 5th and 1st percentile."""
    over: timedelta
    """How long it was beyond the threshold, in all."""
    over_share: float
    fired: int
    """How often the alert would have fired, incidents included."""
    days: int
    """Days with data."""
    proposed: float | None = None
    would_fire: int | None = None
    """How often with the proposed value, incidents included."""
    judged: bool = False
    """Whether there was enough to say that the threshold is right, or what would be."""
    reason: str


def measure(
    points: Sequence[Point],
    threshold: Threshold,
    step: timedelta,
    settings: ThresholdSettings,
    incidents: Sequence[Span] = (),
    zone: str = "UTC",
    shown: Callable[[float], str] | None = None,
) -> Measured:
    """The baseline, and a proposal where one can be made. There must be at least one point.

    `shown` writes a value with its unit.
    """
    values = [one.value for one in points]
    beyond = sum(threshold.beyond(value) for value in values)
    usual = [one for one in points if not any(begin <= one.at <= end for begin, end in incidents)]
    tail = (0.95, 0.99) if threshold.above else (0.05, 0.01)
    measured = Measured(
        p50=percentile(values, 0.5),
        p95=percentile(values, tail[0]),
        p99=percentile(values, tail[1]),
        over=beyond * step,
        over_share=beyond / len(values),
        fired=len(firings(points, threshold, step)),
        days=len(_days(points, zone)),
        reason="",
    )
    why_not = _why_not(measured, 1 - len(usual) / len(points), settings)
    if why_not:
        return measured.model_copy(update={"reason": why_not})
    proposed, reason = _proposal(usual, threshold, step, settings.headroom, zone, shown or in_short)
    again = None
    if proposed is not None:
        other = replace(threshold, value=proposed)
        again = len(firings(points, other, step))
    update = {"proposed": proposed, "would_fire": again, "judged": True, "reason": reason}
    return measured.model_copy(update=update)


def _why_not(measured: Measured, filled: float, settings: ThresholdSettings) -> str:
    """Why nothing can be said of the threshold; empty where something can."""
    needed = settings.least_data / timedelta(days=1)
    if measured.days < needed:
        had = f"{measured.days} day{'s' if measured.days > 1 else ''}"
        return f"too little data: {had}, and {needed:.0f} are needed"
    if filled > FILLED:
        return f"incidents fill {filled:.0%} of the time: what is usual cannot be told"
    if measured.over_share > FILLED:
        return (
            f"it was crossed for {measured.over_share:.0%} of the time: either the service is not well, or"
            " the threshold says nothing; a person decides which"
        )
    return ""


def _proposal(
    usual: Sequence[Point],
    threshold: Threshold,
    step: timedelta,
    headroom: float,
    zone: str,
    shown: Callable[[float], str],
) -> tuple[float | None, str]:
    """Another value where one fits better, and the reason."""
    peak, days = usual_peak(usual, threshold, zone), len(_days(usual, zone))
    noisy = len({_day(at, zone) for at, _ in firings(usual, threshold, step)})
    fires = f"it would have fired on {noisy} of {days} days without an incident"
    says = f"nine of ten days stay {'under' if threshold.above else 'over'} {shown(peak)}"
    if noisy > max(1, NOISY * days):
        start = peak if threshold.beyond(peak) else threshold.value
        if not threshold.share or not threshold.above:
            return _away(start, 1 + headroom, threshold), f"{fires}; {says}"
        if start < MOST_OF_A_SHARE:
            return min(_away(start, 1 + headroom, threshold), MOST_OF_A_SHARE), f"{fires}; {says}"
        return None, f"{fires}; {says}: it needs more room, and no higher threshold"
    if peak <= 0:
        return None, "right: the usual peak is 0, and nothing can be measured by that"
    far = (threshold.value / peak if threshold.above else peak / threshold.value) if threshold.value else 0
    if far > FAR:
        lowered = _away(peak, LOWERED_TO, threshold)
        return lowered, f"{says}, and it would be noticed only at {far:.0f} times that"
    return None, f"right: {says}, and {fires}"


def usual_peak(points: Sequence[Point], threshold: Threshold, zone: str) -> float:
    """What the peaks of nine of ten days stay within."""
    of_a_day, of_days = (0.99, 0.9) if threshold.above else (0.01, 0.1)
    peaks = [percentile(values, of_a_day) for values in _days(points, zone).values()]
    return percentile(peaks, of_days) if peaks else 0.0


def firings(points: Sequence[Point], threshold: Threshold, step: timedelta) -> list[Span]:
    """The stretches for which the alert would have fired: `lasts` without a break, and without a gap."""
    found: list[Span] = []
    begin: datetime | None = None
    last: datetime | None = None
    for one in points:
        if begin is not None and last is not None and one.at - last > 1.5 * step:
            found.append((begin, last))
            begin = None
        if threshold.beyond(one.value):
            begin, last = begin or one.at, one.at
        elif begin is not None and last is not None:
            found.append((begin, last))
            begin = None
    if begin is not None and last is not None:
        found.append((begin, last))
    return [(begin, end) for begin, end in found if end - begin >= threshold.lasts]


def percentile(values: Iterable[float], share: float) -> float:
    """With interpolation between the two nearest; of one value, that value."""
    ordered = sorted(values)
    if len(ordered) == 1:
        return ordered[0]
    return quantiles(ordered, n=1000, method="inclusive")[round(share * 1000) - 1]


def in_short(value: float) -> str:
    """Three digits that matter."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _days(points: Sequence[Point], zone: str) -> dict[date, list[float]]:
    by_day = groupby(points, key=lambda one: _day(one.at, zone))
    return {day: [one.value for one in some] for day, some in by_day}


def _away(peak: float, times: float, threshold: Threshold) -> float:
    """So many times away from what is usual, and on to two digits that matter."""
    value = peak * times if threshold.above else peak / times
    if value <= 0:
        return value
    digits = 1 - floor(log10(value))
    scaled = value * 10.0**digits
    whole = ceil(scaled - 1e-6) if threshold.above else floor(scaled + 1e-6)
    return round(whole / 10.0**digits, max(digits, 0))
