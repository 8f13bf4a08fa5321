"""Revenue of the last whole day against the day before and the same weekday of last week.

Whole days only: today is not over, and looks like a decline until midnight. A day is one of the configured
time zone. Figures by the hour are compared by 24 hours. What is missing, told twice, or in several
currencies is not guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from activities.analytics.answers import Figure
from activities.app.answers import moment
from models.base import Model, in_words

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
HOURS_OF_A_DAY = 24
FRESH_FOR = timedelta(hours=6)
"""Figures by the hour are complete until so long ago, at the least."""
ALL_OF_IT = ("all", "total", "overall", "*")
"""Names under which the sum stands beside its parts."""


class Compared(Model):
    """One amount, in the last whole day, the day before, and the same weekday of last week."""

    name: str
    now: float
    before: float | None = None
    week_ago: float | None = None

    @property
    def lost(self) -> float:
        """How much less than the day before; 0 where nothing is known of it, or it grew."""
        return max(0.0, self.before - self.now) if self.before is not None else 0.0

    def share_of(self, other: float | None) -> float | None:
        """The amount as a share of another; None where that is nothing to compare with."""
        return self.now / other if other is not None and other > 0 else None


class DayTotal(Model):
    day: str
    amount: float | None


class Comparison(Model):
    """All that was compared; `of` says which time is the last."""

    total: Compared
    platforms: tuple[Compared, ...]
    products: tuple[Compared, ...]
    days: tuple[DayTotal, ...]
    of: str
    currency: str = ""
    refunds: float = 0.0
    """How much of the last whole day was given back: a negative amount."""


class Incomplete(Exception):
    """Why the figures cannot be compared, in one sentence."""


@dataclass(frozen=True)
class _Point:
    at: datetime
    day: date
    amount: float | None
    platform: str
    product: str


Within = Callable[[_Point], bool]


def compare(figures: Sequence[Figure], currency: str, zone: str, now: datetime) -> Comparison:
    """Raises `Incomplete` where the last whole day, or the one before, is not known for certain."""
    if not figures:
        raise Incomplete("it has no figures at all")
    place = ZoneInfo(zone)
    money = _one_currency(figures, currency)
    all_of_them, days_of = _points(figures, place, now)
    points = _without_sums(all_of_them)
    windows, of = _days(days_of, now) if days_of else _hours(points, place, now)
    last, before, week_ago = windows
    if days_of:
        _none_twice(points)
    else:
        _each_hour_is_in(points, last, before, of)

    def compared(name: str, some: Iterable[_Point]) -> Compared:
        mine = tuple(some)
        return Compared(
            name=name,
            now=_sum(mine, last) or 0.0,
            before=_sum(mine, before),
            week_ago=_sum(mine, week_ago),
        )

    _all_are_in(points, last, before, of)
    total = compared("all", points)
    if total.before is None:
        raise Incomplete(f"it has no figure of the day before {of}")
    return Comparison(
        total=total,
        platforms=_apart(points, lambda point: point.platform, compared),
        products=_apart(points, lambda point: point.product, compared),
        days=_by_day(points, now.astimezone(days_of or place).date()),
        of=of,
        currency=money,
        refunds=sum(point.amount for point in points if last(point) and point.amount and point.amount < 0),
    )


def _days(days_of: tzinfo, now: datetime) -> tuple[tuple[Within, ...], str]:
    """The last whole day of the zone that the days are of, and the two that it is compared with."""
    day = now.astimezone(days_of).date() - DAY

    def on(which: date) -> Within:
        return lambda point: point.day == which

    return (on(day), on(day - DAY), on(day - WEEK)), f"{day:%a %Y-%m-%d}"


def _hours(points: Sequence[_Point], place: ZoneInfo, now: datetime) -> tuple[tuple[Within, ...], str]:
    """The 24 hours until the last whole hour that has a figure: what is imported late is no decline."""
    newest = max((point.at for point in points if point.at <= now and point.amount is not None), default=None)
    if newest is None or now - newest > FRESH_FOR:
        told = f"is {in_words(now - newest)} old" if newest else "is still to come"
        raise Incomplete(f"its newest figure {told}")
    end = min(now, newest + HOUR).replace(minute=0, second=0, microsecond=0)

    def until(last: datetime) -> Within:
        return lambda point: last - DAY <= point.at < last

    return (
        until(end),
        until(end - DAY),
        until(end - WEEK),
    ), f"the 24 h until {end.astimezone(place):%a %H:%M}"


def _points(figures: Sequence[Figure], place: ZoneInfo, now: datetime) -> tuple[list[_Point], tzinfo | None]:
    """The figures at their times, and the zone whose days they are of: by their date, or all of them at
    midnight. None for figures by the hour."""
    times = [_time_of(one, place, now) for one in figures]
    zones: Iterable[tzinfo] = (
        zone for zone in (UTC, place) if all(_is_midnight(at.astimezone(zone)) for at in times)
    )
    days = all(_is_date(one.day) for one in figures)
    zone: tzinfo | None = place if days else next(iter(zones), None)
    points = [
        _Point(at, at.astimezone(zone or place).date(), one.amount, one.platform, one.product)
        for one, at in zip(figures, times, strict=True)
    ]
    return points, zone


def _time_of(figure: Figure, place: ZoneInfo, now: datetime) -> datetime:
    """Raises `Incomplete` for what is neither a day nor a time."""
    try:
        if _is_date(figure.day):
            return datetime.fromisoformat(str(figure.day)).replace(tzinfo=place)
        found = moment(figure.day, place, now)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Incomplete(f"{str(figure.day)[:40]!r} in it is neither a day nor a time")
    return found


def _is_date(value: str | float) -> bool:
    return isinstance(value, str) and len(value.strip()) == 10 and value.strip()[4] == value.strip()[7] == "-"


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute, at.second) == (0, 0, 0)


def _one_currency(figures: Sequence[Figure], said: str) -> str:
    named = {(one.currency or said).upper() for one in figures}
    if len(named) > 1:
        listed = ", ".join(sorted(one or "none named" for one in named))
        raise Incomplete(f"its figures are in several currencies, which cannot be added: {listed}")
    return next(iter(named))


def _without_sums(points: list[_Point]) -> list[_Point]:
    """The parts count where sums stand beside them."""
    parts = [point for point in points if point.platform.casefold() not in ALL_OF_IT]
    named = [point for point in parts if point.platform]
    if not parts:
        return points
    return named if named and {one.day for one in named} >= {one.day for one in parts} else parts


def _none_twice(points: Sequence[_Point]) -> None:
    counted = Counter((point.day, point.platform, point.product) for point in points)
    twice = next((key for key, count in counted.items() if count > 1), None)
    if twice:
        day, platform, product = twice
        whose = " and ".join(one for one in (platform, product) if one) or "the total"
        raise Incomplete(f"it has two figures of {whose} for {day}")


def _all_are_in(points: Sequence[_Point], last: Within, before: Within, of: str) -> None:
    """Each platform that had a figure the day before has one of the last whole day."""
    known = [point for point in points if last(point) and point.amount is not None]
    if not known:
        raise Incomplete(f"it has no figure of {of} yet")
    there = {point.platform for point in known}
    expected = {point.platform for point in points if before(point) and point.amount is not None}
    if missing := sorted(expected - there):
        raise Incomplete(f"it has no figure of {', '.join(missing)} for {of} yet")
    unknown = sorted(
        {point.platform or "the total" for point in points if last(point) and point.amount is None}
    )
    if unknown:
        raise Incomplete(f"the figure of {', '.join(sorted(unknown))} for {of} is not known yet")
    earned = any(point.amount for point in points if before(point))
    if earned and not any(point.amount for point in known):
        raise Incomplete(f"every figure of {of} is 0, as before they are imported")


def _each_hour_is_in(points: Sequence[_Point], last: Within, before: Within, of: str) -> None:
    """Where one of the two times has a figure of each hour, so has the other."""
    counts = [len({point.at.replace(minute=0) for point in points if time(point)}) for time in (last, before)]
    if max(counts) == HOURS_OF_A_DAY and min(counts) < HOURS_OF_A_DAY and min(counts):
        which = "" if counts[0] < counts[1] else "the day before "
        raise Incomplete(f"it has figures of only {min(counts)} of {HOURS_OF_A_DAY} hours of {which}{of}")


def _sum(points: Sequence[_Point], within: Within) -> float | None:
    amounts = [point.amount for point in points if within(point) and point.amount is not None]
    return round(sum(amounts), 2) if amounts else None


def _apart(
    points: Sequence[_Point],
    by: Callable[[_Point], str],
    compared: Callable[[str, Iterable[_Point]], Compared],
) -> tuple[Compared, ...]:
    """Each by its name, the largest loss first."""
    names = dict.fromkeys(by(point) for point in points if by(point))
    each = (compared(name, (point for point in points if by(point) == name)) for name in names)
    return tuple(sorted(each, key=lambda one: (-one.lost, one.name)))


def _by_day(points: Sequence[_Point], today: date) -> tuple[DayTotal, ...]:
    """The last two weeks before today, with the days of which nothing is known."""
    amounts: dict[date, float] = {}
    for point in points:
        if point.amount is not None:
            amounts[point.day] = round(amounts.get(point.day, 0.0) + point.amount, 2)
    days = (today - number * DAY for number in range(14, 0, -1))
    first = min(amounts, default=today)
    return tuple(DayTotal(day=f"{day:%m-%d}", amount=amounts.get(day)) for day in days if day >= first)
