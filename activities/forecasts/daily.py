"""What is forecast, as one value a day: where it comes from, and how a day's points become its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from activities.baselines.history import Asked, LongSeries, history
from activities.baselines.measure import percentile
from activities.baselines.watched import with_traffic
from activities.forecasts.trend import Daily
from activities.monitoring.metrics import Point
from activities.monitoring.prometheus import Prometheus
from models.configuration.monthly import DatabaseSize, VideoVolume
from models.service.costs import WINDOW, Costs
from models.service.surroundings import ErrorMetrics
from models.zone import midnight_before

DAY = timedelta(days=1)


class Of(StrEnum):
    """What the value of a day is."""

    ALL_OF_IT = "all of it"
    """One point at the end of the day, for all of it."""
    ITS_MOST = "its most"
    ITS_PEAK = "its peak"
    """What 95 of 100 points of the day stay under: an hour of trouble is no capacity."""


@dataclass(frozen=True)
class Source:
    """PromQL that gives one series, and what it is of a day."""

    prometheus: str
    query: str
    of: Of
    step: timedelta


def of_costs(costs: Costs) -> Source:
    """The cost of each day, whatever time the budget is for."""
    if costs.total and costs.per == DAY:
        return Source(costs.prometheus, f"sum({costs.total})", Of.ITS_MOST, timedelta(hours=1))
    spent = costs.spent.replace(WINDOW, f"{round(DAY.total_seconds())}s")
    return Source(costs.prometheus, f"sum({spent})", Of.ALL_OF_IT, DAY)


def of_p95(metrics: ErrorMetrics) -> Source:
    """The time within which 95 % of the requests were answered, where there were some."""
    enough = max(metrics.min_rate, metrics.min_requests / metrics.window.total_seconds())
    query = with_traffic(metrics.latency.p95, metrics.latency.traffic, enough)
    return Source(metrics.prometheus, query, Of.ITS_PEAK, timedelta(minutes=15))


def of_size(database: DatabaseSize, prometheus: str) -> Source:
    return Source(prometheus, database.size, Of.ITS_MOST, timedelta(hours=6))


def of_videos(videos: VideoVolume, prometheus: str) -> Source:
    made = videos.made.replace(WINDOW, f"{round(DAY.total_seconds())}s")
    return Source(prometheus, made, Of.ALL_OF_IT, DAY)


async def daily(
    prometheus: Prometheus, source: Source, over: timedelta, zone: str
) -> tuple[list[Daily], LongSeries]:
    """The days that are over, oldest first, and what they were made of. A day without data is left out."""
    until = midnight_before(datetime.now(UTC), zone)
    asked = Asked(url=source.prometheus, query=source.query, over=over, step=source.step, until=until)
    series = await history(prometheus, asked)
    return by_day(series.points, source.of, zone), series


def by_day(points: Sequence[Point], of: Of, zone: str) -> list[Daily]:
    """One value a day."""
    # A point at midnight tells of the day before, also where the clocks were changed in between.
    back = DAY / 2 if of is Of.ALL_OF_IT else timedelta(seconds=1)
    there = ZoneInfo(zone)
    found: dict[date, list[float]] = {}
    for one in points:
        found.setdefault((one.at.astimezone(UTC) - back).astimezone(there).date(), []).append(one.value)
    return [Daily(day, _VALUES[of](values)) for day, values in sorted(found.items())]


_VALUES: dict[Of, Callable[[list[float]], float]] = {
    Of.ALL_OF_IT: lambda values: values[-1],
    Of.ITS_MOST: max,
    Of.ITS_PEAK: lambda values: percentile(values, 0.95),
}
