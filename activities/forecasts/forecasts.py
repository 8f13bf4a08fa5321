"""What will not be enough soon: cost, p95, the size of databases and the videos of a day, forecast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from temporalio import activity

from activities.forecasts.daily import Source, daily, of_costs, of_p95, of_size, of_videos
from activities.forecasts.item import About, forecast
from activities.monitoring.metrics import QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.support.heartbeats import beating
from models.base import Model, parse_size
from models.checks.item import ItemResult
from models.configuration.monthly import DatabaseSize, ForecastSettings, VideoVolume
from models.service.service import Service

DAY = timedelta(days=1)


class Forecast(Model):
    """Of one service, from so much of the past; its days begin at midnight in `zone`."""

    service: Service
    over: timedelta
    settings: ForecastSettings
    zone: str = "UTC"
    prometheus: str = ""
    """That of `systems`, for what names none of its own."""


class ForecastActivities:
    """Asks Prometheus for the days that are over. None of these raises for its trouble."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def forecast_cost(self, request: Forecast) -> ItemResult:
        """The cost of a day, against what the budget has for a day."""
        name, costs = request.service.name, request.service.costs
        if costs is None:
            return ItemResult(reason=f"not configured: write services.{name}.costs")
        limit = costs.budget_pace * 24
        about = About("the cost of a day", "cost", "$", limit, "the budget", name)
        return await self._forecast(of_costs(costs), about, request)

    @activity.defn
    async def forecast_p95(self, request: Forecast) -> ItemResult:
        """The peak of a day's p95, against its threshold."""
        name, metrics = request.service.name, request.service.metrics
        if metrics is None:
            return ItemResult(reason=f"not configured: write services.{name}.metrics")
        limit = metrics.latency.threshold.total_seconds()
        about = About("p95 at the peak of a day", "p95", "s", limit, "the threshold", name)
        return await self._forecast(of_p95(metrics), about, request)

    @activity.defn
    async def forecast_size(self, request: Forecast) -> ItemResult:
        """The size of the database, against its limit or its disk."""
        name = request.service.name
        database = request.settings.databases.get(name, DatabaseSize())
        prometheus = database.prometheus or request.prometheus
        if not prometheus:
            return ItemResult(reason="not configured: write systems.prometheus")
        limit, why_not = await self._limit(database.limit, prometheus, name)
        about = About(f"the size of {name}", "size", "B", limit, why_not or "its limit", name)
        return await self._forecast(of_size(database, prometheus), about, request)

    @activity.defn
    async def forecast_videos(self, request: Forecast) -> ItemResult:
        """The videos of a day, against how many there may be."""
        name = request.service.name
        videos: VideoVolume | None = request.settings.videos.get(name)
        if videos is None:
            return ItemResult(reason=f"not configured: write checks.monthly.forecasts.videos.{name}")
        prometheus = videos.prometheus or request.prometheus
        if not prometheus:
            return ItemResult(reason="not configured: write systems.prometheus")
        about = About("the number of videos of a day", "videos", "", videos.at_most, "the most", name)
        return await self._forecast(of_videos(videos, prometheus), about, request)

    async def _forecast(self, source: Source, about: About, request: Forecast) -> ItemResult:
        async with beating():
            values, series = await daily(self._prometheus, source, request.over, request.zone)
        today = datetime.now(UTC).astimezone(ZoneInfo(request.zone)).date()
        return forecast(values, series, about, request.settings, today)

    async def _limit(self, limit: str, prometheus: str, name: str) -> tuple[float | None, str]:
        """In bytes, by a size or by PromQL; without one, why."""
        if not limit:
            return None, f"its limit is not known: write checks.monthly.forecasts.databases.{name}.limit"
        try:
            return float(parse_size(limit)), ""
        except (ValueError, ValidationError):
            seen = await self._prometheus.query_metric(QueryMetric(url=prometheus, query=limit))
        if seen.value is None or seen.value <= 0:
            return None, f"its limit is not known: {seen.reason}"
        return seen.value, ""
