"""The share of failed requests by endpoint, this week against the one before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.errors_history.routes import Change, Counts, Route, compared, counted
from activities.monitoring.metrics import MetricKind, QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.prometheus_answers import NotKnown
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.base import Duration, Interval, in_days, in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.incident.report import Chart, Series
from models.service.request import ServiceRequest

PARTS = 7
"""A week is asked for in so many parts: no query reads more than one, and the chart has one bar for each."""
LIMIT = 2 * 2**20
MOST_ROWS = 40
MOST_BARS = 15


class LookAtRouteErrors(ServiceRequest):
    """The last `over` of a service's requests, and the same time before it."""

    over: Interval = timedelta(days=7)
    route: str = "route"
    status: str = "status"
    """The labels of the metric that is `metrics.samples`."""
    within: Duration = timedelta(seconds=20)
    """For each part."""


@dataclass(frozen=True)
class _Weeks:
    """This week by part, the oldest first, and both weeks by route."""

    parts: tuple[Counts, ...]
    routes: tuple[Route, ...]
    began_before: bool
    """Whether there are data of the week before."""


class RouteErrorActivities:
    """Asks Prometheus."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_route_errors(self, request: LookAtRouteErrors) -> ItemResult:
        """`bad` when a route fails more often than the service's threshold; attention when one got worse.

        A route with too little traffic says nothing. `unknown` when Prometheus cannot tell.
        """
        now = datetime.now(UTC)
        metrics, name = request.service.metrics, request.service.name
        if metrics is None:
            return ItemResult(reason=f"no metrics are configured for {name}", observed_at=now)
        try:
            async with beating():
                weeks = await self._weeks(request, metrics.prometheus, metrics.samples, metrics.min_requests)
        except NotKnown as unknown:
            return ItemResult(reason=unknown.reason, observed_at=now)
        return _result(weeks, request, now, metrics.threshold, metrics.min_requests)

    async def _weeks(self, request: LookAtRouteErrors, url: str, samples: str, fewest: int) -> _Weeks:
        part = request.over.total_seconds() / PARTS
        by = f"sum by ({request.route}, {request.status})"
        text = f"{by} (increase({samples}[{part * 1000:.0f}ms]))"
        query = QueryMetric(url=url, query=text, service=request.service.name, within=request.within)
        clock = await self._prometheus.clock(query)
        parts = []
        for number in range(2 * PARTS - 1, -1, -1):
            series = await self._prometheus.series(query, clock - number * part, LIMIT)
            parts.append(
                [
                    (one.metric.get(request.route, ""), one.metric.get(request.status, ""), one.value[1])
                    for one in series
                    if one.value is not None and math.isfinite(one.value[1])
                ]
            )
        before, after = _sum(parts[:PARTS]), _sum(parts[PARTS:])
        if not after:
            raise NotKnown(
                MetricKind.EMPTY, f"Prometheus has no requests of {request.service.name} in this week"
            )
        await self._must_have_labels(request, query, samples, parts)
        return _Weeks(
            parts=tuple(_all(_sum([one])) for one in parts[PARTS:]),
            routes=tuple(compared(counted(after), counted(before), fewest)),
            began_before=bool(before),
        )

    async def _must_have_labels(
        self,
        request: LookAtRouteErrors,
        query: QueryMetric,
        samples: str,
        parts: Sequence[Sequence[tuple[str, str, float]]],
    ) -> None:
        for index, label in ((0, request.route), (1, request.status)):
            if any(one[index] for part in parts for one in part):
                continue
            asked = query.model_copy(update={"samples": samples})
            others = await self._prometheus.labels_of(asked, label) or ()
            there = f"; there are {clean(', '.join(others), 120)}" if others else ""
            key = "route_label" if index == 0 else "status_label"
            raise NotKnown(
                MetricKind.EMPTY,
                f"the requests of {request.service.name} have no label {label}: name it in "
                f"checks.weekly.{key}{there}",
            )


def _sum(parts: Iterable[Sequence[tuple[str, str, float]]]) -> list[tuple[str, str, float]]:
    return [one for part in parts for one in part]


def _all(series: Sequence[tuple[str, str, float]]) -> Counts:
    return sum(counted(series).values(), Counts())


def _result(
    weeks: _Weeks, request: LookAtRouteErrors, now: datetime, threshold: float, fewest: int
) -> ItemResult:
    busy = [one for one in weeks.routes if one.now.every >= fewest]
    over = [one for one in busy if one.now.share > threshold]
    worse = [one for one in weeks.routes if one.change is Change.WORSE]
    if not busy:
        state, reason = ItemState.UNKNOWN, f"no route had {fewest} requests within {in_days(request.over)}"
    elif over:
        state, reason = ItemState.BAD, f"{_shown(over[0])} failed in {_percent(over[0].now)} of its requests"
    elif worse:
        first = worse[0]
        was = f", after {_percent(first.before)} in the week before"
        state, reason = ItemState.ATTENTION, f"{_shown(first)} failed in {_percent(first.now)}{was}"
    else:
        all_now = sum((one.now for one in weeks.routes), Counts())
        state = ItemState.OK
        reason = (
            f"{_percent(all_now)} of {all_now.every:.0f} requests failed, no route more than {threshold:.1%}"
        )
    total = sum((one.now for one in weeks.routes), Counts())
    return ItemResult(
        state=state,
        reason=reason,
        threshold=f"at most {threshold:.1%} of the requests of a route, from {fewest} requests on",
        observed_at=now,
        details=_details(weeks, over, worse),
        figures=(
            Figure(name="requests", value=round(total.every)),
            Figure(name="failed", value=round(100 * total.share, 3), unit=" %"),
        ),
        tables=(_table(weeks.routes),),
        charts=(_by_route(busy or weeks.routes, request.service.name, threshold), *_by_part(weeks, request)),
        services=(request.service.name,),
    )


def _details(weeks: _Weeks, over: Sequence[Route], worse: Sequence[Route]) -> tuple[str, ...]:
    def named(change: Change) -> str:
        return ", ".join(_shown(one) for one in weeks.routes if one.change is change)

    told = [
        f"{_shown(one)}: {_percent(one.now)}, before {_percent(one.before)}" for one in (*over, *worse)[:10]
    ]
    if weeks.began_before:
        told += [f"new: {named(Change.NEW)}"] if named(Change.NEW) else []
        told += [f"gone: {named(Change.GONE)}"] if named(Change.GONE) else []
    else:
        told.append("there are no data of the week before: no trend")
    quiet = named(Change.QUIET) if weeks.began_before else ""
    return tuple(dict.fromkeys([*told, *([f"too little traffic to say anything: {quiet}"] if quiet else [])]))


def _shown(one: Route) -> str:
    return clean(one.name, 100) or "no route"


def _percent(counts: Counts) -> str:
    return f"{100 * counts.share:.3g} %"


def _table(routes: Sequence[Route]) -> Table:
    shown = routes[:MOST_ROWS]
    left = len(routes) - len(shown)
    return Table(
        title=f"Requests by route{f', without {left} more' if left else ''}",
        columns=("route", "requests", "failed", "requests before", "failed before", "trend"),
        rows=tuple(
            (
                _shown(one),
                f"{one.now.every:.0f}",
                _percent(one.now) if one.now.every else "-",
                f"{one.before.every:.0f}",
                _percent(one.before) if one.before.every else "-",
                one.change.value,
            )
            for one in shown
        ),
    )


def _by_route(routes: Sequence[Route], service: str, threshold: float) -> Chart:
    shown = routes[:MOST_BARS]
    weeks = (("this week", [one.now for one in shown]), ("the week before", [one.before for one in shown]))
    return Chart(
        name="errors-by-route",
        title=f"Failed requests of {service} by route",
        says=", ".join(f"{_shown(one)} {_percent(one.now)}, before {_percent(one.before)}" for one in shown),
        labels=tuple(_shown(one) for one in shown),
        series=tuple(
            Series(
                name=name, values=tuple(round(100 * one.share, 3) if one.every else None for one in counts)
            )
            for name, counts in weeks
        ),
        unit=" %",
        line=100 * threshold,
    )


def _by_part(weeks: _Weeks, request: LookAtRouteErrors) -> tuple[Chart, ...]:
    part = request.over / PARTS
    labels = tuple(f"-{in_words(part * number)}" for number in range(PARTS, 0, -1))
    chart = Chart(
        name="errors-by-day",
        title=f"Failed requests of {request.service.name} over time",
        says=", ".join(
            f"{label} {_percent(one)}" if one.every else f"{label} none"
            for label, one in zip(labels, weeks.parts, strict=True)
        ),
        labels=labels,
        series=(
            Series(
                name="failed",
                values=tuple(round(100 * one.share, 3) if one.every else None for one in weeks.parts),
            ),
        ),
        unit=" %",
    )
    return (chart,)
