"""What the external APIs cost, by the provider that bills it, against the budget of a day.

The spend is asked for over four times: a day and the day before it, since midnight, and the pace of
the last hour. Where the metric cannot say one of them, that one is unknown, and never zero.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.monitoring.metrics import (
    MetricByLabel,
    MetricKind,
    Point,
    QueryByLabel,
    QueryMetric,
    QueryRange,
)
from activities.monitoring.prometheus import Prometheus
from models.base import Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.costs import WINDOW, Costs
from models.service.request import ServiceRequest
from models.zone import midnight_after, midnight_before

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOST_PROVIDERS = 50
TOO_SHORT = timedelta(minutes=10)
"""So soon after midnight the metric may have no two samples of the new day yet."""
RESTARTS_IN_A_DAY = 48
"""A gauge that falls more often is no total that begins anew: what it falls by would be counted."""
MOST_OF_IT = 0.5
"""The share of a day's spend that makes the dearest time of it a step."""
_METRIC = re.compile(r"\s*([a-zA-Z_:][\w:]*)")


class ApiSpend(Model):
    """One provider. `pace` and `usual_pace` are for an hour; None when that is not known."""

    api: str
    last_day: float = 0.0
    pace: float | None = None
    usual_pace: float | None = None
    """In the day before: what it is compared with."""

    @property
    def more(self) -> float:
        """How much more it costs than usual; all of it where nothing else is known."""
        return (self.last_day / 24 if self.pace is None else self.pace) - (self.usual_pace or 0.0)


class Step(Model):
    """The dearest time of the last day."""

    since: datetime
    until: datetime
    spent: float


class CostsSeen(Evidence):
    """`bad` when the last 24 h cost more than the budget of a day, or this day will."""

    apis: tuple[ApiSpend, ...] = ()
    """What grew most comes first."""
    last_day: float | None = None
    pace: float | None = None
    today: float | None = None
    projected: float | None = None
    """At the end of the day, if the pace stays."""
    day_ends: datetime | None = None
    step: Step | None = None
    """Set when most of the last day was spent in it."""

    @property
    def dearest(self) -> ApiSpend | None:
        """The provider whose bill grew most; None when none is known, or none grew."""
        return next((one for one in self.apis if one.more > 0), None)

    def slow_enough(self, costs: Costs) -> bool:
        """Whether a day of this pace stays within the budget."""
        return self.pace is not None and self.pace <= costs.budget_pace


class LookAtCosts(ServiceRequest):
    """The spend of one service; its days begin at midnight in this zone."""

    time_zone: str = "UTC"


class CostActivities:
    """Asks for the spend of one service."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_costs(self, request: LookAtCosts) -> CostsSeen:
        """The spend by provider, its pace, and where the day ends. Never raises for its trouble."""
        costs, now = request.service.costs, datetime.now(UTC)
        if costs is None:
            return CostsSeen(reason=f"no costs are configured for {request.service.name}", observed_at=now)
        midnight = midnight_before(now, request.time_zone)
        day_ends = midnight_after(now, request.time_zone)
        day, days, pace, today, series, wrong = await asyncio.gather(
            self._last_day(costs),
            self._spent(costs, 2 * DAY),
            self._spent(costs, costs.pace_over),
            self._spent(costs, max(now - midnight, timedelta(minutes=1))),
            self._over_the_day(costs),
            self._no_total(costs),
        )
        if wrong or day.unknown:
            reason = wrong or f"the spend is not known: {day.reason}"
            return CostsSeen(reason=reason, observed_at=now)
        seen = CostsSeen(
            observed_at=now,
            apis=_by_api(costs, day, days, pace),
            last_day=_sum(day),
            pace=None if pace.unknown else _sum(pace) / (costs.pace_over / HOUR),
            today=0.0 if today.kind is MetricKind.EMPTY and now - midnight < TOO_SHORT else _known(today),
            day_ends=day_ends,
        )
        return _judged(seen, costs, series, pace.reason)

    async def _last_day(self, costs: Costs) -> MetricByLabel:
        return await self._ask(costs, costs.last_day) if costs.last_day else await self._spent(costs, DAY)

    async def _spent(self, costs: Costs, over: timedelta) -> MetricByLabel:
        return await self._ask(costs, _over(costs, over))

    async def _ask(self, costs: Costs, query: str) -> MetricByLabel:
        asked = QueryByLabel(
            url=costs.prometheus,
            query=query,
            label=costs.label,
            top=MOST_PROVIDERS,
            samples=costs.samples,
            fresh_for=costs.fresh_for,
        )
        return await self._prometheus.query_by_label(asked)

    async def _over_the_day(self, costs: Costs) -> tuple[Point, ...]:
        """The sum of all, one point for each time of the pace."""
        query = f"sum({_over(costs, costs.pace_over)})"
        step = max(costs.pace_over, DAY / 96)
        asked = QueryRange(url=costs.prometheus, query=query, over=DAY - step, step=step)
        return (await self._prometheus.query_range(asked)).points

    async def _no_total(self, costs: Costs) -> str:
        """Why the metric is no total of which an increase can be taken; empty when it may be one."""
        name = _METRIC.match(costs.samples)
        if costs.last_day or not name or "increase" not in costs.spent:
            return ""
        about = QueryMetric(url=costs.prometheus, query=f"max(resets({costs.samples}[24h]))")
        kind, falls = await asyncio.gather(
            self._prometheus.type_of(about, name[1]), self._prometheus.query_metric(about)
        )
        if kind == "counter" or falls.value is None or falls.value <= RESTARTS_IN_A_DAY:
            return ""
        return (
            f"the spend is not known: `{name[1]}` fell {falls.value:.0f} times in a day, so it is no total"
            " that grows; write `costs.last_day` and a `costs.spent` that fit it"
        )


def _over(costs: Costs, over: timedelta) -> str:
    return costs.spent.replace(WINDOW, f"{max(1, round(over.total_seconds()))}s")


def _sum(found: MetricByLabel) -> float:
    return sum(max(0.0, one.value) for one in found.values)


def _known(found: MetricByLabel) -> float | None:
    return None if found.unknown else _sum(found)


def _by_api(
    costs: Costs, day: MetricByLabel, days: MetricByLabel, pace: MetricByLabel
) -> tuple[ApiSpend, ...]:
    last_day, both_days, lately = (_named(costs, one) for one in (day, days, pace))
    hours = costs.pace_over / HOUR
    before = {name: max(0.0, both_days.get(name, 0.0) - spent) / 24 for name, spent in last_day.items()}
    known_before = not costs.last_day and not days.unknown and any(before.values())
    apis = (
        ApiSpend(
            api=name,
            last_day=spent,
            pace=None if pace.unknown else lately.get(name, 0.0) / hours,
            usual_pace=before[name] if known_before else None,
        )
        for name, spent in last_day.items()
    )
    return tuple(sorted(apis, key=lambda one: (-one.more, one.api)))


def _named(costs: Costs, found: MetricByLabel) -> Mapping[str, float]:
    """By provider: several values of the label may be names of one."""
    spent: dict[str, float] = {}
    for one in found.values:
        name = costs.named(one.label) or "all providers"
        spent[name] = spent.get(name, 0.0) + max(0.0, one.value)
    return spent


def _judged(seen: CostsSeen, costs: Costs, series: tuple[Point, ...], no_pace: str) -> CostsSeen:
    assert seen.last_day is not None and seen.day_ends is not None and seen.observed_at is not None  # noqa: S101
    left = (seen.day_ends - seen.observed_at) / HOUR
    projected = None if seen.pace is None or seen.today is None else seen.today + seen.pace * left
    words = f"${seen.last_day:.2f} in the last 24 h, against a budget of ${costs.budget:g} a day"
    named = [f"{one.api} ${one.last_day:.2f}" for one in sorted(seen.apis, key=lambda one: -one.last_day)[:4]]
    words += f" ({', '.join(named)})" if named else ""
    words += f"; the pace is not known: {no_pace}" if seen.pace is None else f"; now ${seen.pace:.2f} an hour"
    if projected is not None:
        words += f", ${projected:.2f} by the end of the day"
    over = seen.last_day > costs.budget or (projected or 0.0) > costs.budget
    unclear = not over and projected is None
    return seen.model_copy(
        update={
            "finding": Finding.BAD if over else Finding.UNKNOWN if unclear else Finding.OK,
            "reason": words,
            "projected": projected,
            "step": _step(series, seen.last_day, costs),
        }
    )


def _step(points: tuple[Point, ...], last_day: float, costs: Costs) -> Step | None:
    """The time in which most of a day was spent, told only when it is over."""
    dearest = max(points, key=lambda one: one.value, default=None)
    if dearest is None or dearest is points[-1] or dearest.value < MOST_OF_IT * last_day or not last_day:
        return None
    return Step(since=dearest.at - costs.pace_over, until=dearest.at, spent=dearest.value)


def in_short(step: Step) -> str:
    """A step as a person says it."""
    lasted = in_words(step.until - step.since)
    return f"${step.spent:.2f} of it within {lasted} before {step.until:%Y-%m-%d %H:%M} UTC"
