"""What the external APIs cost, by the provider that bills it, against a budget.

The spend is asked for over several times: the time that the budget is for and as long before it, since
midnight, and the pace of the last hour. What the metric cannot say is unknown, and never zero.
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
"""What falls more often is no total that begins anew: all that it falls by would be counted."""
A_CORRECTION = 0.25
"""The share of the budget that a total cannot reach so soon after it began anew."""
MOST_OF_IT = 0.5
"""The share of the spend that makes the dearest part of the time a step."""
_METRIC = re.compile(r"\s*([a-zA-Z_:][\w:]*)")


class ApiSpend(Model):
    """One provider. `pace` and `usual_pace` are for an hour; None when that is not known."""

    api: str
    total: float = 0.0
    pace: float | None = None
    usual_pace: float | None = None
    """In the time before, or at this time of the day before, if that was more: what it is compared with."""

    @property
    def more(self) -> float:
        """How much more it costs than usual; all of it where nothing else is known."""
        return self.total if self.pace is None else self.pace - (self.usual_pace or 0.0)


class Step(Model):
    """The dearest part of the time that the budget is for."""

    since: datetime
    until: datetime
    spent: float


class CostsSeen(Evidence):
    """`bad` when more was spent than the budget allows, or will be by the end of this day."""

    apis: tuple[ApiSpend, ...] = ()
    """What grew most comes first."""
    total: float | None = None
    pace: float | None = None
    """For an hour."""
    today: float | None = None
    """Since midnight."""
    projected: float | None = None
    """At the end of the day, if the pace stays."""
    day_ends: datetime | None = None
    step: Step | None = None
    """Set when most of it was spent in one step that is over."""
    unseen: str = ""
    """Why more may be spent than is seen."""

    @property
    def dearest(self) -> ApiSpend | None:
        """The provider whose bill grew most; None when none is known, or none grew."""
        return next((one for one in self.apis if one.more > 0), None)

    def slow_enough(self, costs: Costs) -> bool:
        """Whether this pace stays within the budget, and is all of it."""
        return self.pace is not None and not self.unseen and self.pace <= costs.budget_pace


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
        (total, both, pace, day_before, today), series, wrong, unseen = await asyncio.gather(
            asyncio.gather(
                self._total(costs),
                self._spent(costs, 2 * costs.per),
                self._spent(costs, costs.pace_over),
                self._spent(costs, costs.pace_over, at=now - DAY),
                self._spent(costs, max(now - midnight, timedelta(minutes=1))),
            ),
            self._over_time(costs),
            self._no_total(costs),
            self._unseen(costs),
        )
        if wrong or total.unknown:
            reason = wrong or f"the spend is not known: {total.reason}"
            return CostsSeen(reason=reason, observed_at=now)
        if total.total is None:
            reason = "the spend is not known: that of one provider is no number"
            return CostsSeen(reason=reason, observed_at=now)
        seen = CostsSeen(
            observed_at=now,
            apis=_by_api(costs, total, both, pace, day_before),
            total=total.total,
            pace=None if pace.total is None else pace.total / (costs.pace_over / HOUR),
            today=0.0 if today.kind is MetricKind.EMPTY and now - midnight < TOO_SHORT else today.total,
            day_ends=day_ends,
            unseen=unseen,
        )
        return _judged(seen, costs, series, pace.reason)

    async def _total(self, costs: Costs) -> MetricByLabel:
        return await self._ask(costs, costs.total) if costs.total else await self._spent(costs, costs.per)

    async def _spent(self, costs: Costs, over: timedelta, at: datetime | None = None) -> MetricByLabel:
        return await self._ask(costs, _over(costs, over), at)

    async def _ask(self, costs: Costs, query: str, at: datetime | None = None) -> MetricByLabel:
        asked = QueryByLabel(
            url=costs.prometheus,
            query=query,
            label=costs.label,
            top=MOST_PROVIDERS,
            samples=costs.samples,
            fresh_for=costs.fresh_for,
            at=at,
        )
        return await self._prometheus.query_by_label(asked)

    async def _over_time(self, costs: Costs) -> tuple[Point, ...]:
        """The sum of all, one point for each time of the pace."""
        query = f"sum({_over(costs, costs.pace_over)})"
        step = max(costs.pace_over, costs.per / 96)
        asked = QueryRange(url=costs.prometheus, query=query, over=costs.per - step, step=step)
        return (await self._prometheus.query_range(asked)).points

    async def _unseen(self, costs: Costs) -> str:
        """A target that is down spends on: that another one still answers does not tell how much."""
        counted = f"group by (job, instance) (last_over_time({costs.samples}[{_seconds(costs.per)}]))"
        query = f"(up == 0) and on (job, instance) {counted}"
        asked = QueryByLabel(url=costs.prometheus, query=query, label="instance", top=5)
        down = (await self._prometheus.query_by_label(asked)).values
        return f"{', '.join(one.label for one in down)} cannot be scraped, and may spend more" if down else ""

    async def _no_total(self, costs: Costs) -> str:
        """Why the metric is no total of which an increase can be taken; empty when it may be one."""
        name = _METRIC.match(costs.samples)
        if costs.total or not name or "increase" not in costs.spent:
            return ""
        falls, corrected = await asyncio.gather(
            *(
                self._prometheus.query_metric(QueryMetric(url=costs.prometheus, query=query))
                for query in (f"max(resets({costs.samples}[24h]))", _corrected(costs))
            )
        )
        if falls.value is not None and falls.value > RESTARTS_IN_A_DAY:
            return (
                f"the spend is not known: `{name[1]}` fell {falls.value:.0f} times in a day, so it is no"
                " total that grows; write `costs.total` and a `costs.spent` that fit it, or have the workers"
                " behind one address share their counters"
            )
        if corrected.value is not None:
            return (
                f"the spend is not known: `{name[1]}` fell, and soon stood at {corrected.value:.2f} again, as"
                " after a correction, and not as after a restart; its `increase` counts all of that as spent"
            )
        return ""


def _corrected(costs: Costs) -> str:
    """What a total was after it fell, where that is too much to have been spent since."""
    samples, soon = costs.samples, max(2, round(costs.pace_over.total_seconds() / 6))
    over = max(soon, round(costs.per.total_seconds()))
    after = f"({samples} > 0.5 * ({samples} offset {soon}s)) > {A_CORRECTION * costs.budget:g}"
    return f"max(max_over_time(({after} and resets({samples}[{soon}s]) > 0)[{over}s:{max(1, soon // 2)}s]))"


def _over(costs: Costs, over: timedelta) -> str:
    return costs.spent.replace(WINDOW, _seconds(over))


def _seconds(over: timedelta) -> str:
    return f"{max(1, round(over.total_seconds()))}s"


def _by_api(
    costs: Costs, total: MetricByLabel, both: MetricByLabel, pace: MetricByLabel, day_before: MetricByLabel
) -> tuple[ApiSpend, ...]:
    in_all, in_both, lately, then = (_named(costs, one) for one in (total, both, pace, day_before))
    hours, of_it = costs.pace_over / HOUR, costs.per / HOUR
    before = {name: max(0.0, in_both.get(name, 0.0) - spent) / of_it for name, spent in in_all.items()}
    known_before = not costs.total and not both.unknown and any(before.values())
    apis = (
        ApiSpend(
            api=name,
            total=spent,
            pace=None if pace.unknown else lately.get(name, 0.0) / hours,
            # What is done once a day is usual at that time.
            usual_pace=max(before[name], then.get(name, 0.0) / hours) if known_before else None,
        )
        for name, spent in in_all.items()
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
    assert seen.total is not None and seen.day_ends is not None and seen.observed_at is not None  # noqa: S101
    by_midnight = costs.per == DAY
    projected = None if seen.pace is None else _projected(seen, costs, seen.day_ends - seen.observed_at)
    words = f"${seen.total:.2f} in the last {in_words(costs.per)}, against a budget of ${costs.budget:g}"
    named = [f"{one.api} ${one.total:.2f}" for one in sorted(seen.apis, key=lambda one: -one.total)[:4]]
    words += f" ({', '.join(named)})" if named else ""
    words += f"; the pace is not known: {no_pace}" if seen.pace is None else f"; now ${seen.pace:.2f} an hour"
    if projected is not None and by_midnight:
        words += f", ${projected:.2f} by the end of the day"
    words += f"; {seen.unseen}" if seen.unseen else ""
    over = seen.total > costs.budget or (projected or 0.0) > costs.budget
    unclear = not over and (projected is None or bool(seen.unseen))
    return seen.model_copy(
        update={
            "finding": Finding.BAD if over else Finding.UNKNOWN if unclear else Finding.OK,
            "reason": words,
            "projected": projected,
            "step": _step(series, seen.total, costs),
        }
    )


def _projected(seen: CostsSeen, costs: Costs, left: timedelta) -> float | None:
    """By midnight; for another time than a day, what this pace spends in all of it."""
    pace = seen.pace or 0.0
    if costs.per != DAY:
        return pace * (costs.per / HOUR)
    return None if seen.today is None else seen.today + pace * (left / HOUR)


def _step(points: tuple[Point, ...], total: float, costs: Costs) -> Step | None:
    """The part in which most of it was spent, told only when it is over."""
    dearest = max(points, key=lambda one: one.value, default=None)
    if dearest is None or not total or dearest.value < MOST_OF_IT * total:
        return None
    if points[-1].value > dearest.value / 2:
        return None
    return Step(since=dearest.at - costs.pace_over, until=dearest.at, spent=dearest.value)


def in_short(step: Step) -> str:
    """A step as a person says it."""
    lasted = in_words(step.until - step.since)
    return f"${step.spent:.2f} of it within {lasted} before {step.until:%Y-%m-%d %H:%M} UTC"
