"""The thresholds that are in force, each beside a month of what it measures.

Those of a service stand in its configuration; those of alert rules are read from the running Prometheus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from temporalio import activity

from activities.baselines.history import Asked, LongSeries, history
from activities.baselines.measure import Span, measure
from activities.baselines.rows import Row, as_item
from activities.baselines.rules import NoRules, alert_rules
from activities.baselines.watched import Watched, of_rule, of_service
from activities.lessons.kept import Kept, kept_reviews
from activities.monitoring.prometheus import Prometheus
from activities.support.heartbeats import beating
from models.base import Model
from models.checks.item import ItemResult
from models.configuration.monthly import ThresholdSettings
from models.incident.incident import Outcome
from models.service.addresses import WebAddress
from models.service.service import Service


class OverTime(Model):
    """How long the baseline is; its days begin at midnight in `zone`."""

    over: timedelta
    settings: ThresholdSettings
    zone: str = "UTC"


class MeasureThresholds(OverTime):
    """The thresholds of one service."""

    service: Service


class MeasureRules(OverTime):
    """Those of the alert rules of this Prometheus."""

    prometheus: WebAddress


class ThresholdActivities:
    """Asks Prometheus for the baseline, and the kept reviews for when there was an incident."""

    def __init__(self, client: httpx.AsyncClient, reviews: Path) -> None:
        self._client = client
        self._prometheus = Prometheus(client)
        self._reviews = reviews

    @activity.defn
    async def measure_thresholds(self, request: MeasureThresholds) -> ItemResult:
        """Each threshold that the configuration has of the service. Never raises for Prometheus' trouble."""
        name = request.service.name
        watched = tuple(of_service(request.service, request.settings))
        if not watched:
            return ItemResult(reason=f"write services.{name}.metrics: nothing is measured of {name}")
        return await self._measured(watched, request, name)

    @activity.defn
    async def measure_alert_rules(self, request: MeasureRules) -> ItemResult:
        """Each alert rule that compares something with one number."""
        try:
            rules = await alert_rules(self._client, request.prometheus)
        except NoRules as no_rules:
            return ItemResult(reason=str(no_rules), observed_at=datetime.now(UTC))
        simple = [rule for rule in rules if rule.compares]
        other = [rule.name for rule in rules if not rule.compares]
        most = request.settings.most_rules
        more = [f"not measured, for they compare with no number: {', '.join(other[:20])}"] * bool(other)
        if len(simple) > most:
            more.append(f"not measured: {len(simple) - most} further rules; see thresholds.most_rules")
        watched = tuple(of_rule(rule, request.prometheus, request.settings) for rule in simple[:most])
        link = f"{request.prometheus.rstrip('/')}/alerts"
        return await self._measured(watched, request, "", link, more)

    async def _measured(
        self,
        watched: Sequence[Watched],
        request: OverTime,
        service: str,
        link: str = "",
        more: Sequence[str] = (),
    ) -> ItemResult:
        now = datetime.now(UTC)
        rows = []
        async with beating():
            kept = await asyncio.to_thread(kept_reviews, self._reviews, now - request.over, now)
            for one in watched:
                asked = Asked(url=one.url, query=one.query, over=request.over, step=one.step, until=now)
                series = await history(self._prometheus, asked)
                rows.append(_row(one, series, _incidents(kept, one, service), request))
        return as_item(rows, request.over, link, (*more, *kept.remarks))


def _incidents(kept: Kept, one: Watched, service: str) -> list[Span]:
    """When there was one; what went by itself was none."""
    return [
        (review.began_at, review.began_at + review.resolved_after)
        for review in kept.reviews
        if review.outcome is not Outcome.SELF_RECOVERED
        and (review.alert.name == one.alert if one.alert else review.alert.service == service)
    ]


def _row(one: Watched, series: LongSeries, incidents: Sequence[Span], request: OverTime) -> Row:
    if not series.points:
        return Row(one.name, one.threshold, one.unit, None, series)
    # A year at 5 minutes comes with a larger step, and each point stands for it.
    step = series.step
    row = Row(one.name, one.threshold, one.unit, None, series)
    settings, zone = request.settings, request.zone
    found = measure(series.points, one.threshold, step, settings, incidents, zone, row.shown)
    return replace(row, measured=found)
