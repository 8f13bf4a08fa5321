"""The shape of a heap over time: growth, a step, or nothing of the kind; the garbage collector told apart.

What a collection gives back was never leaked. So only the lower envelope counts: at each moment, the least
that the heap came down to from then on. It ends at the last collection; what was allocated since then may
still be given back.

    flat, or up and down   steady
    ______/                growth: a line, from some moment on
    ___|‾‾‾                a step: at one moment, and it stays
    anything else          unclear
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate, pairwise
from statistics import LinearRegression, fmean, linear_regression

from activities.monitoring.metrics import Point
from models.base import Model

HOUR = timedelta(hours=1)
FEWEST = 5
"""Points of the envelope, without which nobody can tell its shape."""
MOST = 24
"""Points of the envelope that are compared."""
FITS = 0.8
"""The least R² of a shape: what goes up and down fits none."""
SURE = 0.9
"""The R² from which on a prediction is trusted."""
LEVELS_OFF = 0.4
"""A growth whose last third rises by less than this share of its even pace comes to its end."""
SEGMENT = 4
"""The fewest points of a growth."""
AT_ONCE = 3
"""A step takes no more than so many points for most of its height: what climbs for longer is none."""
PARTS = 4
"""A steady growth rises in each of so many parts, by `PACE` of its even pace at least."""
PACE = 0.25


class Shape(StrEnum):
    UNKNOWN = "unknown"
    STEADY = "steady"
    GROWTH = "growth"
    STEP = "step"
    UNCLEAR = "unclear"


class Trend(Model):
    """Values are shares of the limit, or bytes: whatever the points are."""

    shape: Shape = Shape.UNKNOWN
    slope: float | None = None
    """Of a growth, in an hour."""
    fit: float | None = None
    """R² of the shape: 1 is exactly this one."""
    grown: float = 0.0
    """How much more is held at the end than at the beginning."""
    since: datetime | None = None
    """When the growth began, or the step was."""
    over: timedelta = timedelta()
    """How long the growth was seen; of any other shape, how long the points were."""
    now: float | None = None
    """What is held at the end, by the shape."""
    steady: bool = False
    """It grows all the time, and not by a few steps."""
    levels_off: bool = False
    """It grew, and hardly does any more."""

    @property
    def grows(self) -> bool:
        return self.shape is Shape.GROWTH and not self.levels_off

    @property
    def sure(self) -> bool:
        """Whether a prediction by it may be relied on."""
        return self.grows and self.steady and self.fit is not None and self.fit >= SURE

    def reaches(self, limit: float) -> timedelta | None:
        """In how long a growth is at the limit; None where it never is, or not within a year."""
        if not self.grows or not self.slope or self.now is None:
            return None
        hours = max(0.0, limit - self.now) / self.slope
        return timedelta(hours=hours) if hours <= 365 * 24 else None


def trend(points: Sequence[Point], least: float) -> Trend:
    """The shape of what is held, where it rose by `least` or more."""
    whole = _envelope(points, least)
    envelope = _fewer(whole)
    if len(envelope) < FEWEST or envelope[-1].at <= envelope[0].at:
        return Trend()
    grown = envelope[-1].value - envelope[0].value
    over = envelope[-1].at - envelope[0].at
    if grown < least:
        return Trend(shape=Shape.STEADY, grown=grown, over=over, now=envelope[-1].value)
    step, growth = _step(envelope, whole), _growth(envelope, points[-1].at)
    best = max(step, growth, key=lambda one: one.fit or 0.0)
    if best.fit is not None and best.fit >= FITS:
        return best
    return Trend(
        shape=Shape.UNCLEAR,
        fit=best.fit,
        grown=grown,
        over=over,
        now=envelope[-1].value,
        levels_off=_rises(envelope, 3)[-1] < LEVELS_OFF,
    )


def _envelope(points: Sequence[Point], least: float) -> list[Point]:
    """What was held at each moment, by what the heap came down to afterwards."""
    held = points[: _last_collection(points, least) + 1]
    lowest = reversed(list(accumulate((one.value for one in reversed(held)), min)))
    return [Point(at=one.at, value=value) for one, value in zip(held, lowest, strict=True)]


def _fewer(envelope: Sequence[Point]) -> Sequence[Point]:
    """At most `MOST` of them, and the last."""
    chosen = envelope[:: max(1, -(-len(envelope) // MOST))]
    return chosen if not envelope or chosen[-1] is envelope[-1] else [*chosen, envelope[-1]]


def _last_collection(points: Sequence[Point], least: float) -> int:
    """Where the last deep fall ended; the last point where nothing ever fell deeply."""
    highest = list(accumulate((one.value for one in points), max))
    deepest = max((top - one.value for top, one in zip(highest, points, strict=True)), default=0.0)
    deep = max(least / 2, deepest / 2)
    found: int | None = None
    bottom: int | None = None
    top = 0
    for at, one in enumerate(points):
        if bottom is not None and one.value <= points[bottom].value:
            bottom = at
        elif bottom is not None and one.value - points[bottom].value >= deep / 2:
            found, top, bottom = bottom, at, None
        elif bottom is None and one.value >= points[top].value:
            top = at
        elif bottom is None and points[top].value - one.value >= deep:
            bottom = at
    if bottom is not None:
        return bottom
    return len(points) - 1 if found is None else found


def _growth(envelope: Sequence[Point], now: datetime) -> Trend:
    """Flat until some moment, and from then on a line: the moment with which it fits best."""
    begin, values = envelope[0].at, [one.value for one in envelope]
    hours = [(one.at - begin) / HOUR for one in envelope]
    best: tuple[float, int, LinearRegression] | None = None
    for first in range(len(envelope) - SEGMENT + 1):
        since = [max(0.0, one - hours[first]) for one in hours]
        line = linear_regression(since, values)
        fit = _fit(values, [line.intercept + line.slope * one for one in since])
        if best is None or fit > best[0] + 1e-9:
            best = fit, first, line
    assert best is not None  # noqa: S101  # there are more points than a segment has
    fit, first, line = best
    segment = envelope[first:]
    return Trend(
        shape=Shape.GROWTH,
        slope=line.slope,
        fit=fit,
        grown=values[-1] - values[0],
        since=segment[0].at,
        over=segment[-1].at - segment[0].at,
        now=line.intercept + line.slope * ((now - segment[0].at) / HOUR),
        steady=min(_rises(segment, min(PARTS, len(segment) - 1))) >= PACE,
        levels_off=_rises(segment, 3)[-1] < LEVELS_OFF,
    )


def _rises(segment: Sequence[Point], parts: int) -> list[float]:
    """How much it rises in each part of its time, as a share of an even pace."""
    begin, whole = segment[0].at, segment[-1].at - segment[0].at
    grown = (segment[-1].value - segment[0].value) / parts
    ends = [[one for one in segment if one.at <= begin + whole * n / parts][-1] for n in range(parts + 1)]
    return [(after.value - before.value) / grown if grown else 0.0 for before, after in pairwise(ends)]


def _step(envelope: Sequence[Point], whole: Sequence[Point]) -> Trend:
    """Two levels, one after the other: the moment with which they fit best."""
    values = [one.value for one in envelope]
    best: tuple[float, int] | None = None
    for first in range(1, len(values)):
        levels = fmean(values[:first]), fmean(values[first:])
        fit = _fit(values, [levels[0]] * first + [levels[1]] * (len(values) - first))
        if best is None or fit > best[0]:
            best = fit, first
    assert best is not None  # noqa: S101  # there are at least FEWEST points
    fit, first = best
    risen = values[min(first + 1, len(values) - 1)] - values[max(first + 1 - AT_ONCE, 0)]
    if risen < (values[-1] - values[0]) / 2:
        return Trend()
    half = (values[first - 1] + values[first]) / 2
    return Trend(
        shape=Shape.STEP,
        fit=fit,
        grown=values[-1] - values[0],
        since=next(one.at for one in whole if one.value >= half),
        over=envelope[-1].at - envelope[0].at,
        now=values[-1],
    )


def _fit(values: Sequence[float], said: Sequence[float]) -> float:
    """R²: which share of the variance a shape explains."""
    mean = fmean(values)
    whole = sum((one - mean) ** 2 for one in values)
    left = sum((one - other) ** 2 for one, other in zip(values, said, strict=True))
    return 1 - left / whole if whole else 0.0
