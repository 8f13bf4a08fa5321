"""The trend of daily values, as people mean it: how much there is now, and how much more each day.

The slope is the median of the slopes between all pairs of days (Theil and Sen), so that outliers and gaps
decide nothing. A step (a new price, a table that was dropped) is no trend: pairs are taken on one side of it
only, and the level is that of its newest side. What a weekday has more or less than the others is taken out
first, where three whole weeks show it. Where the newest days go another way than all before, they count
alone. How sure the slope is, is told by Kendall's variance of those pairs,
widened where a day is like the day before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations, pairwise
from math import ceil, sqrt
from statistics import NormalDist, fmean, median

LEAST_DAYS = 10
"""Days with a value; with fewer nothing is forecast."""
MOST_DAYS = 180
"""The newest of them count: what was half a year ago says little of the next."""
SIDE = 5
"""A step needs so many days on both sides."""
MOST_STEPS = 3
STEP_EXPLAINS, WEEK_EXPLAINS, BEND_EXPLAINS = 0.4, 0.3, 0.6
"""The share of what the line leaves unexplained that a step, the weekdays, or a line of the newest days alone
must explain."""
BEND_IS_SURE = 0.99


@dataclass(frozen=True)
class Daily:
    """The value of one day."""

    day: date
    value: float


@dataclass(frozen=True)
class Band:
    """A value, and between what it probably is."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Trend:
    """A line through the days since the last step; `at` goes on with it."""

    last: date
    """The newest day with a value."""
    level: float
    """On that day, of an average weekday."""
    slope: Band
    """A day."""
    pivot: float
    """Days from the newest to the middle of those that tell the level; not positive."""
    unsure: float
    """Of the level, to both sides."""
    noise: float
    """Within which of the line a single day is, as often as `certainty` says."""
    certainty: float
    days: int
    weekly: dict[int, float] = field(default_factory=dict)
    """By weekday from Monday, 0: what it has more or less than the average."""
    step: date | None = None
    """The first day after the last step."""
    bend: date | None = None
    """Since when it goes another way than before; only what came since counts."""

    @property
    def peak(self) -> float:
        """What the highest weekday has more."""
        return max(self.weekly.values(), default=0.0)

    def line(self, ahead: float) -> Band:
        """Of an average weekday, so many days after the newest."""
        value = self.level + self.slope.value * ahead
        at_pivot, further = self.level + self.slope.value * self.pivot, ahead - self.pivot
        low = at_pivot + self.slope.low * further - self.unsure
        return Band(value, low, at_pivot + self.slope.high * further + self.unsure)

    def at(self, ahead: int) -> Band:
        """Of the very day, with what a single day differs by."""
        line, more = self.line(ahead), self.weekly.get((self.last + timedelta(days=ahead)).weekday(), 0.0)
        below = sqrt((line.value - line.low) ** 2 + self.noise**2)
        above = sqrt((line.high - line.value) ** 2 + self.noise**2)
        return Band(line.value + more, line.value + more - below, line.value + more + above)


def trend(values: Sequence[Daily], certainty: float = 0.8) -> Trend | None:
    """The trend of these days, oldest first; None with too few of them."""
    known = list(values)[-MOST_DAYS:]
    if len(known) < LEAST_DAYS:
        return None
    last = known[-1].day
    days = [(one.day - last).days for one in known]
    weekly: dict[int, float] = {}
    starts = [0]
    for _ in range(2):  # the steps are clearer without the weekdays, and these without the steps
        starts = _steps(days, _plain(known, weekly))
        fitted = _fitted(days, _plain(known, weekly), starts)
        left = [one.value - on for one, on in zip(known, fitted, strict=True)]
        weekly = _weekly(left, [one.day.weekday() for one in known])
    plain = _plain(known, weekly)
    if begin := _bends_at(days, plain, starts):
        days, plain, starts = days[begin:], plain[begin:], [0]
    found = _line(last, days, plain, starts, weekly, certainty)
    return replace(found, bend=known[begin].day) if begin else found


def _plain(known: Sequence[Daily], weekly: dict[int, float]) -> list[float]:
    return [one.value - weekly.get(one.day.weekday(), 0.0) for one in known]


def _line(
    last: date,
    days: Sequence[int],
    plain: Sequence[float],
    starts: Sequence[int],
    weekly: dict[int, float],
    certainty: float,
) -> Trend:
    residuals = _residuals(days, plain, starts)
    slope = _slope(days, plain, starts, residuals, certainty)
    newest = days[starts[-1] :]
    noise = _within(residuals, certainty)
    level = median(value - slope.value * day for day, value in zip(newest, plain[starts[-1] :], strict=True))
    return Trend(
        last=last,
        level=level,
        slope=slope,
        pivot=fmean(newest),
        unsure=noise * sqrt(_stickiness(residuals) / len(newest)),
        noise=noise,
        certainty=certainty,
        days=len(days),
        weekly=weekly,
        step=last + timedelta(days=newest[0]) if len(starts) > 1 else None,
    )


def _slope(
    days: Sequence[int],
    values: Sequence[float],
    starts: Sequence[int],
    residuals: Sequence[float],
    certainty: float,
) -> Band:
    """The median of all pairs on one side of every step, and Kendall's interval around it."""
    slopes = sorted(_slopes(days, values, starts))
    sizes = [end - begin for begin, end in _sides(starts, len(days))]
    variance = sum(n * (n - 1) * (2 * n + 5) / 18 for n in sizes) * _stickiness(residuals)
    reach = NormalDist().inv_cdf((1 + certainty) / 2) * sqrt(variance)
    low = max(0, int((len(slopes) - reach) / 2))
    high = min(len(slopes) - 1, ceil((len(slopes) + reach) / 2))
    return Band(median(slopes), slopes[low], slopes[high])


def _slopes(days: Sequence[int], values: Sequence[float], starts: Sequence[int]) -> Iterator[float]:
    for begin, end in _sides(starts, len(days)):
        side = list(zip(days[begin:end], values[begin:end], strict=True))
        for (day, value), (later, then) in combinations(side, 2):
            yield (then - value) / (later - day)


def _sides(starts: Sequence[int], length: int) -> list[tuple[int, int]]:
    return list(pairwise([*starts, length]))


def _fitted(days: Sequence[int], values: Sequence[float], starts: Sequence[int]) -> list[float]:
    """One slope for all, and a level for each side of every step."""
    slope = median(_slopes(days, values, starts))
    fitted: list[float] = []
    for begin, end in _sides(starts, len(days)):
        side = range(begin, end)
        level = median(values[place] - slope * days[place] for place in side)
        fitted += [level + slope * days[place] for place in side]
    return fitted


def _steps(days: Sequence[int], values: Sequence[float]) -> list[int]:
    """Where each side of a step begins; the first at 0."""
    starts = [0]
    for _ in range(MOST_STEPS):
        left = _residuals(days, values, starts)
        unexplained = sum(map(abs, left))
        places = [
            place for begin, end in _sides(starts, len(days)) for place in range(begin + SIDE, end - SIDE + 1)
        ]
        likely = sorted(places, key=lambda place: -_jump(left, place, starts))[:5]
        tried = {place: _unexplained(days, values, sorted([*starts, place])) for place in likely}
        best = min(tried, key=lambda place: tried[place], default=None)
        if best is None or unexplained <= 1e-9 * max(map(abs, values)) * len(values):
            return starts
        if tried[best] > (1 - STEP_EXPLAINS) * unexplained:
            return starts
        starts = sorted([*starts, best])
    return starts


def _jump(left: Sequence[float], place: int, starts: Sequence[int]) -> float:
    """How much the days after differ from those before, the slope apart."""
    begin = max(start for start in starts if start < place)
    before, after = left[max(begin, place - 7) : place], left[place : place + 7]
    return abs(median(after) - median(before))


def _unexplained(days: Sequence[int], values: Sequence[float], starts: Sequence[int]) -> float:
    return sum(map(abs, _residuals(days, values, starts)))


def _residuals(days: Sequence[int], values: Sequence[float], starts: Sequence[int]) -> list[float]:
    return [value - on for value, on in zip(values, _fitted(days, values, starts), strict=True)]


def _bends_at(days: Sequence[int], values: Sequence[float], starts: Sequence[int]) -> int:
    """Where the newest third begins, if it goes another way than the whole; else 0."""
    begin = len(days) - max(LEAST_DAYS, len(days) // 3)
    if begin <= 0:
        return 0
    newest, some = days[begin:], values[begin:]
    alone = _residuals(newest, some, [0])
    slope = _slope(newest, some, [0], alone, BEND_IS_SURE)
    whole = sum(map(abs, _residuals(days, values, starts)[begin:]))
    if sum(map(abs, alone)) > (1 - BEND_EXPLAINS) * whole or not whole:
        return 0
    return 0 if slope.low <= median(_slopes(days, values, starts)) <= slope.high else begin


def _weekly(left: Sequence[float], weekdays: Sequence[int]) -> dict[int, float]:
    """What each weekday has more or less, if it explains enough and was seen three times."""
    by_day = {
        weekday: [value for value, on in zip(left, weekdays, strict=True) if on == weekday]
        for weekday in range(7)
    }
    if min(map(len, by_day.values())) < 3:
        return {}
    usual = {weekday: median(some) for weekday, some in by_day.items()}
    average = fmean(usual.values())
    weekly = {weekday: value - average for weekday, value in usual.items()}
    without = sum(map(abs, left))
    rest = sum(abs(value - usual[on]) for value, on in zip(left, weekdays, strict=True))
    # Seven medians explain a part of pure noise, too.
    by_chance = 7 / len(left)
    return weekly if without and rest < (1 - WEEK_EXPLAINS) * (1 - by_chance) * without else {}


def _within(residuals: Sequence[float], certainty: float) -> float:
    """What as many of them as `certainty` says stay within, and the next one would."""
    ordered = sorted(map(abs, residuals))
    return ordered[min(len(ordered), ceil((len(ordered) + 1) * certainty)) - 1]


def _stickiness(residuals: Sequence[float]) -> float:
    """By how much fewer days there are in truth, where each is like the day before; 1 for none."""
    square = sum(one * one for one in residuals)
    if not square:
        return 1.0
    alike = sum(one * other for one, other in pairwise(residuals)) / square
    alike = min(max(alike, 0.0), 0.9)
    return (1 + alike) / (1 - alike)
