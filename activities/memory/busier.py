"""Which routes were asked more often after a moment than before it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.monitoring.metrics import QueryByLabel
from activities.monitoring.prometheus import Prometheus
from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest

TIMES = 2.0
"""A route that was asked so many times as often is busier."""
A_FEW = 0.05
"""Requests a second, below which nothing is busy."""
TOP = 100


class RoutesAround(ServiceRequest):
    """The requests by route before and after a moment."""

    at: datetime


class BusierRoute(Model):
    """Requests a second, over the window before the moment and after it."""

    route: str
    before: float
    after: float


class RoutesSeen(Evidence):
    """Never `bad`: more requests are no fault. The busiest first."""

    busier: tuple[BusierRoute, ...] = ()


class BusierRouteActivities:
    """Compares the configured rates."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_routes(self, request: RoutesAround) -> RoutesSeen:
        """Routes with twice the requests, and more than a few."""
        metrics, now = request.service.metrics, datetime.now(UTC)
        if metrics is None or not metrics.memory.by_route:
            reason = f"no requests by route are configured for {request.service.name}"
            return RoutesSeen(reason=reason, observed_at=now)
        later = min(request.at + metrics.window, now - timedelta(seconds=1))
        before, after = await asyncio.gather(
            *(
                self._prometheus.query_by_label(
                    QueryByLabel(
                        url=metrics.prometheus, query=metrics.memory.by_route, label="route", top=TOP, at=at
                    )
                )
                for at in (request.at, later)
            )
        )
        if after.unknown:
            return RoutesSeen(reason=after.reason, observed_at=now)
        known = {one.label: one.value for one in before.values}
        busier = tuple(
            BusierRoute(route=one.label, before=known.get(one.label, 0.0), after=one.value)
            for one in after.values
            if one.value >= A_FEW + TIMES * known.get(one.label, 0.0)
        )
        named = ", ".join(f"{one.route} {one.before:.1f} to {one.after:.1f} a second" for one in busier[:3])
        return RoutesSeen(
            finding=Finding.OK,
            reason=f"busier then: {named}" if named else "no route was busier then",
            observed_at=now,
            busier=busier[:10],
        )
