"""The looks that runbooks compose: which activity, about what, with its time-outs beside it.

Each step fills the field of `Seen` that bears its name. A look that fails is not an error of
the incident: it is evidence that could not be had, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.app.temporal import AppTemporalActivities
    from activities.files.clean_up import CleanUpActivities
    from activities.files.environment import EnvironmentActivities
    from activities.health.dependencies import DependencyActivities
    from activities.health.probe import HealthActivities
    from activities.incidents.stewardship import StewardshipActivities
    from activities.monitoring.providers import ProviderActivities
    from activities.monitoring.sentry import SentryActivities
    from activities.monitoring.service_metrics import ServiceMetricActivities
    from activities.postgres.check import PostgresActivities
    from activities.postgres.sessions import SessionActivities
    from activities.service.host import HostActivities
    from activities.service.logs import LogActivities
    from activities.service.networks import NetworkActivities
    from activities.service.ports import PortActivities
    from activities.service.processes import ProcessActivities
    from models.base import Model
    from models.evidence.app_executions import FailedExecutions
    from models.evidence.evidence import Evidence, LookAtDependencies, WatchHealth
    from models.evidence.issues import TopIssues
    from models.evidence.providers import ProbeProviders
    from models.evidence.seen import Seen
    from models.evidence.sessions import LookAtSessions
    from models.evidence.surroundings import LookAtNetworks, ProposeEnvironment
    from models.service.service import Service
    from workflows.diagnosis.situation import Situation
    from workflows.record.failures import in_short

TWICE = RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=200))
LOOK_TIMEOUT = timedelta(seconds=15)


def the_service(now: Situation) -> Service:
    """The usual subject of a look."""
    return now.service


def its_database(now: Situation) -> Service | None:
    return now.database


def its_dependent(now: Situation) -> Service:
    return now.dependent


def its_dependencies(now: Situation) -> LookAtDependencies | None:
    services = now.policy.dependencies
    return LookAtDependencies(services=services) if services else None


def its_dependents(now: Situation) -> LookAtDependencies:
    return LookAtDependencies(services=now.policy.dependents)


def its_sessions(now: Situation) -> LookAtSessions | None:
    if now.database is None or now.database.database is None:
        return None
    limits = now.database.database
    return LookAtSessions(
        service=now.database, idle_longer_than=limits.idle_limit, runs_longer_than=limits.slow_query
    )


def its_networks(now: Situation) -> LookAtNetworks:
    """Whether the one that needs this service can reach it."""
    return LookAtNetworks(service=now.dependent, needed=(now.service,))


def its_pool(now: Situation) -> ProposeEnvironment | None:
    pool = now.dependent.pool
    if pool is None:
        return None
    return ProposeEnvironment(service=now.dependent, values={pool.key: str(pool.value)})


def its_issues(now: Situation) -> TopIssues | None:
    """The top issues, and which of them are new since the last deployment: a pipeline tells of it late."""
    current, started_at = now.history.current, now.seen.process.started_at
    since = min(current.deployed_at, started_at or current.deployed_at) if current else None
    return TopIssues(sentry=now.service.sentry, since=since) if now.service.sentry else None


def its_providers(now: Situation) -> ProbeProviders | None:
    return ProbeProviders(providers=now.service.providers) if now.service.providers else None


def its_executions(now: Situation) -> FailedExecutions | None:
    return FailedExecutions(temporal=now.service.temporal) if now.service.temporal else None


def whose(request: Model, now: Situation) -> Service:
    """The service on whose host a look must be taken: the one that the look is about."""
    match request:
        case Service():
            return request
        case LookAtDependencies(services=(first, *_)):
            return first
        case LookAtSessions() | LookAtNetworks() | ProposeEnvironment() | WatchHealth():
            return request.service
    return now.service


@dataclass(frozen=True)
class Look:
    """One look. `about` makes the activity's request from what is known so far; None when the
    configuration does not say where to look."""

    field: str
    activity: Callable[..., Any]
    summary: str
    about: Callable[[Situation], Model | None] = the_service
    timeout: timedelta = LOOK_TIMEOUT

    def blind(self, reason: str) -> Evidence:
        """The evidence of a look that could not be taken."""
        kind: type[Evidence] = type(getattr(Seen(), self.field))
        return kind(reason=reason)

    async def take(self, now: Situation) -> Evidence:
        """Run the look: in the worker at hand, or on the service's own host when it has one."""
        request = self.about(now)
        if request is None:
            return self.blind("not configured")
        summary, service = f"{self.summary} of {now.service.name}", whose(request, now)
        try:
            if service.host:
                return await self._there(request, summary, service.queue)
            return await self._here(request, summary)
        except FailureError as error:
            return self.blind(f"could not be looked at: {in_short(error)}")

    async def _here(self, request: Model, summary: str) -> Evidence:
        seen: Evidence = await workflow.execute_local_activity_method(
            self.activity,
            request,
            start_to_close_timeout=self.timeout,
            retry_policy=TWICE,
            summary=summary,
        )
        return seen

    async def _there(self, request: Model, summary: str, queue: str) -> Evidence:
        seen: Evidence = await workflow.execute_activity_method(
            self.activity,
            request,
            task_queue=queue,
            schedule_to_close_timeout=2 * self.timeout,
            start_to_close_timeout=self.timeout,
            retry_policy=TWICE,
            summary=summary,
        )
        return seen


health = Look("health", HealthActivities.probe_health, "health check")
process = Look("process", ProcessActivities.look_at_process, "state")
recent_logs = Look("logs", LogActivities.read_logs, "last log lines")
port_owner = Look("port", PortActivities.look_at_port, "port")
host = Look("host", HostActivities.look_at_host, "host disk and memory")
dependencies = Look(
    "dependencies", DependencyActivities.look_at_dependencies, "dependencies", its_dependencies
)
dependents = Look(
    "dependents", DependencyActivities.look_at_dependencies, "services that need it", its_dependents
)
dependents_logs = Look("dependents_logs", LogActivities.read_logs, "log of what needs it", its_dependent)
database = Look("database", PostgresActivities.check_database, "SELECT 1", its_database)
sessions = Look("sessions", SessionActivities.look_at_sessions, "sessions", its_sessions)
networks = Look("networks", NetworkActivities.look_at_networks, "networks", its_networks)
old_files = Look("old_files", CleanUpActivities.look_at_old_files, "old files")
pool_setting = Look("pool_setting", EnvironmentActivities.propose_environment, "pool setting", its_pool)
errors = Look("errors", ServiceMetricActivities.look_at_errors, "error ratio")
heap = Look("heap", ServiceMetricActivities.look_at_heap, "heap trend")
cpu = Look("cpu", ServiceMetricActivities.look_at_cpu, "CPU")
issues = Look("issues", SentryActivities.top_issues, "top issues", its_issues)
providers = Look("providers", ProviderActivities.probe_providers, "providers", its_providers)
executions = Look("executions", AppTemporalActivities.failed_executions, "failed workflows", its_executions)
history = Look("history", StewardshipActivities.look_at_history, "deployments and recent actions")
