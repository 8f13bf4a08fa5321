"""The items of the monthly check: what each asks, and for how long it may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.baselines.thresholds import MeasureRules, MeasureThresholds, ThresholdActivities
    from activities.drill.drill import Drill, DrillActivities
    from activities.forecasts.forecasts import Forecast, ForecastActivities
    from activities.lessons.lessons import LessonActivities, Lessons
    from models.checks.check import CheckPolicy
    from models.checks.item import ItemResult
    from models.names import queue_of
    from workflows.checks.check import ItemOf

MONTH_TAKES = timedelta(minutes=10)
"""A month of many series is read in parts; the item ends a little later."""
DROPS = timedelta(minutes=5)
"""For a scratch server to start, and to be gone."""
TWICE = RetryPolicy(maximum_attempts=2, initial_interval=timedelta(seconds=1))


def thresholds(policy: CheckPolicy) -> Iterator[ItemOf]:
    """Those of each service, and those of the alert rules, against the baseline."""
    monthly = policy.checks.monthly
    over = {"over": monthly.baseline, "settings": monthly.thresholds, "zone": policy.time_zone}
    for service in policy.services:
        if service.metrics or service.costs:
            request = MeasureThresholds(service=service, **over)
            yield _item(f"thresholds of {service.name}", ThresholdActivities.measure_thresholds, request)
    name = "thresholds of the alert rules"
    if policy.systems.prometheus:
        rules = MeasureRules(prometheus=policy.systems.prometheus, **over)
        yield _item(name, ThresholdActivities.measure_alert_rules, rules)
    else:
        yield ItemOf(name, partial(_not_configured, "systems.prometheus"))


def forecasts(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What grows, and when it is too much."""
    monthly = policy.checks.monthly
    for service in policy.services:
        name = service.name
        request = Forecast(
            service=service,
            over=monthly.baseline,
            settings=monthly.forecasts,
            zone=policy.time_zone,
            prometheus=policy.systems.prometheus or "",
        )
        if service.costs:
            yield _item(f"forecast of the cost of {name}", ForecastActivities.forecast_cost, request)
        if service.metrics:
            yield _item(f"forecast of p95 of {name}", ForecastActivities.forecast_p95, request)
        if service.is_database or name in monthly.forecasts.databases:
            yield _item(f"forecast of the size of {name}", ForecastActivities.forecast_size, request)
        if service.videos or name in monthly.forecasts.videos:
            yield _item(f"forecast of the videos of {name}", ForecastActivities.forecast_videos, request)


def lessons(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What the kept reviews teach."""
    request = Lessons(over=policy.checks.monthly.baseline)
    yield _item("unknown causes", LessonActivities.list_unknown_causes, request)
    yield _item("training digest", LessonActivities.write_training_digest, request)


def drills(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The newest backup of each location, restored beside production and dropped again."""
    databases = tuple(one for one in policy.services if one.database)
    for location in policy.checks.backups:
        if location.drill.enabled:
            request = Drill(location=location, services=databases)
            within = location.read_within + location.drill.within + DROPS
            name = f"restore drill of {location.name}"
            if policy.dry_run:
                yield ItemOf(
                    name, partial(_told, "dry run: the newest backup would be restored beside production")
                )
                continue
            ask = partial(_ask, name, DrillActivities.drill_restore, request, within, queue_of(location.host))
            yield ItemOf(name, ask, within=within + timedelta(minutes=1))
    if not policy.checks.backups:
        yield ItemOf("restore drill", partial(_not_configured, "checks.backups"))


def _item(name: str, activity: Callable[..., Any], request: Any) -> ItemOf:
    return ItemOf(name, partial(_ask, name, activity, request), within=MONTH_TAKES + timedelta(minutes=1))


async def _ask(
    name: str,
    activity: Callable[..., Awaitable[ItemResult]],
    request: Any,
    within: timedelta = MONTH_TAKES,
    queue: str | None = None,
) -> ItemResult:
    found: ItemResult = await workflow.execute_activity_method(
        activity,
        request,
        task_queue=queue,
        start_to_close_timeout=within,
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=TWICE,
        summary=name,
    )
    return found


async def _not_configured(key: str) -> ItemResult:
    return await _told(f"not configured: write {key}")


async def _told(reason: str) -> ItemResult:
    return ItemResult(reason=reason)
