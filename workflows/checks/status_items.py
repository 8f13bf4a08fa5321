"""What the status looks at, page by page: what a person on call would look up by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutType
from temporalio.exceptions import TimeoutError as TookTooLong

with workflow.unsafe.imports_passed_through():
    import workflows.checks.status_words as words
    from activities.app.executions import AppTemporalActivities, FailedExecutions
    from activities.app.open_executions import OpenExecutionActivities, OpenExecutions
    from activities.databases.overview import DatabaseOverviewActivities
    from activities.health.probe import HealthActivities
    from activities.incidents.own_runs import OwnRunActivities
    from activities.postgres.sessions import LookAtSessions, SessionActivities
    from activities.scraping.targets import LookAtTargets, TargetActivities
    from activities.service.host import HostActivities
    from activities.service.log_search import LogSearchActivities
    from activities.service.metrics_sample import MetricsSampleActivities
    from activities.service.processes import ProcessActivities
    from activities.stack.engines import EngineActivities
    from activities.stack.monitoring import MonitoringActivities
    from models.checks.check import CheckPolicy
    from models.checks.item import ItemResult
    from models.checks.naming import Naming
    from models.checks.status import EngineOf, OwnRunsRequest, SampleMetrics, SearchLog, StatusPart
    from models.service.service import Service
    from workflows.checks.check import ItemOf

WITHIN = timedelta(seconds=15)
"""For one item, the way to its worker included."""
HOST_AWAY = timedelta(seconds=8)
ONCE = RetryPolicy(maximum_attempts=1)

Pages = Callable[["Asked"], Iterator[ItemOf]]


class Asked:
    """What was asked for, with the policy as of now."""

    def __init__(self, policy: CheckPolicy, services: tuple[Service, ...], words: tuple[str, ...]) -> None:
        self.systems = policy.systems
        self.services = services
        self.words = words or policy.checks.status.words
        self.settings = policy.checks.status
        self.naming = Naming.of(policy.services, policy.service_labels)


def services(asked: Asked) -> Iterator[ItemOf]:
    """State, health and metrics of every service."""
    for one in asked.services:
        yield _item(f"state of {one.name}", ProcessActivities.look_at_process, one, one, words.process)
        if one.health:
            yield _item(f"health of {one.name}", HealthActivities.probe_health, one, one, words.health)
        url = asked.settings.metrics.get(one.name) or (_beside(one.health.url) if one.health else "")
        if url:
            sample = SampleMetrics(service=one, url=url, most=asked.settings.metric_samples)
            yield _item(f"metrics of {one.name}", MetricsSampleActivities.sample_metrics, sample, one)


def stack(asked: Asked) -> Iterator[ItemOf]:
    """The monitoring systems, and the engines with everything that they run."""
    yield from _targets(asked)
    yield _item("Grafana", MonitoringActivities.look_at_grafana, asked.systems)
    yield _item("Alertmanager", MonitoringActivities.look_at_alertmanager, asked.systems)
    for name, one in words.engines(asked.services):
        yield _item(f"engine {name}", EngineActivities.look_at_engine, EngineOf(service=one), one)


def _targets(asked: Asked) -> Iterator[ItemOf]:
    found = [asked.systems.prometheus, *(one.metrics.prometheus for one in asked.services if one.metrics)]
    addresses = sorted({url for url in found if url})
    if not addresses:
        yield ItemOf("Prometheus targets", partial(_said, "configure systems.prometheus"))
    for url in addresses:
        name = "Prometheus targets" if len(addresses) == 1 else f"targets of {url.partition('://')[2]}"
        yield _item(name, TargetActivities.show_targets, LookAtTargets(url=url, naming=asked.naming))


async def _said(reason: str) -> ItemResult:
    return ItemResult(reason=reason)


def logs(asked: Asked) -> Iterator[ItemOf]:
    """The newest lines of each log, those that tell of errors, and those with the words."""
    most = asked.settings.log_lines
    for one in asked.services:
        search = SearchLog(service=one, most=most)
        yield _item(f"log of {one.name}", LogSearchActivities.show_log, search, one)
        yield _item(f"errors in the log of {one.name}", LogSearchActivities.show_errors, search, one)
        if asked.words:
            search = SearchLog(service=one, most=most, words=asked.words)
            yield _item(f"search in the log of {one.name}", LogSearchActivities.show_log, search, one)


def database(asked: Asked) -> Iterator[ItemOf]:
    """Connection, sessions, waiting queries, sizes and disks of every database."""
    for one in asked.services:
        if one.database is None:
            continue
        limits = {"idle_longer_than": one.database.idle_limit, "runs_longer_than": one.database.slow_query}
        sessions = LookAtSessions(service=one, **limits)
        yield _item(f"connection to {one.name}", DatabaseOverviewActivities.look_at_clock, one, one)
        yield _item(
            f"sessions of {one.name}", SessionActivities.look_at_sessions, sessions, one, words.sessions
        )
        yield _item(f"waiting queries of {one.name}", DatabaseOverviewActivities.look_at_waiting, one, one)
        yield _item(f"size of {one.name}", DatabaseOverviewActivities.look_at_sizes, one, one)
        yield _item(f"disks of {one.name}", HostActivities.look_at_host, one, one, words.host)


def workflows(asked: Asked) -> Iterator[ItemOf]:
    """Open and failed workflows, of the applications and of the product."""
    for one in asked.services:
        if one.temporal is None:
            continue
        running, failed = OpenExecutions(service=one), FailedExecutions(service=one)
        name = f"active workflows of {one.name}"
        yield _item(name, OpenExecutionActivities.open_executions, running, one, words.running)
        name = f"failed workflows of {one.name}"
        yield _item(name, AppTemporalActivities.failed_executions, failed, one, words.failed)
    yield _item("active runs of the runbooks", OwnRunActivities.look_at_own_open_runs, OwnRunsRequest())
    yield _item("failed runs of the runbooks", OwnRunActivities.look_at_own_failed_runs, OwnRunsRequest())


PAGES: dict[StatusPart, Pages] = {
    StatusPart.SERVICES: services,
    StatusPart.STACK: stack,
    StatusPart.LOGS: logs,
    StatusPart.DATABASE: database,
    StatusPart.WORKFLOWS: workflows,
}


def _item(
    name: str,
    activity: Callable[..., Any],
    request: object,
    service: Service | None = None,
    told: Callable[[Any], ItemResult] | None = None,
) -> ItemOf:
    """One activity, on the host of the service; `told` words what is no result of an item yet."""
    return ItemOf(name, partial(_asked, name, activity, request, service, told), within=WITHIN)


async def _asked(
    name: str,
    activity: Callable[..., Any],
    request: object,
    service: Service | None,
    told: Callable[[Any], ItemResult] | None,
) -> ItemResult:
    try:
        seen = await workflow.execute_activity_method(
            activity,
            request,
            task_queue=service.queue if service else None,
            schedule_to_start_timeout=HOST_AWAY,
            start_to_close_timeout=WITHIN,
            retry_policy=ONCE,
            summary=name,
        )
    except ActivityError as error:
        late = error.cause
        if isinstance(late, TookTooLong) and late.type is TimeoutType.SCHEDULE_TO_START:
            return ItemResult(reason=words.nobody(service))
        raise
    return told(seen) if told else seen


def _beside(health: str) -> str:
    parts = urlsplit(health)
    return f"{parts.scheme}://{parts.netloc}/metrics"
