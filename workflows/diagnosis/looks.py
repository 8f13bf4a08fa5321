"""The looks that runbooks compose: what each is called, what it finds, which activity takes it, and
about what.

A new look is one line here; its activity stands with the outside system that it asks.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.answers.answers import AnswerActivities, AnswerSeen, LookByScript
    from activities.files.clean_up import CleanUpActivities, OldFilesSeen
    from activities.files.environment import EnvironmentActivities, EnvironmentProposal, ProposeEnvironment
    from activities.files.recreate import RecreateActivities, UnreadSettingsSeen
    from activities.files.savings import ProposeSavings, SavingActivities, SavingsSeen
    from activities.health.dependencies import DependenciesSeen, DependencyActivities, LookAtDependencies
    from activities.health.health_seen import HealthSeen
    from activities.health.probe import HealthActivities
    from activities.incidents.open_incidents import OpenIncidentActivities, OpenIncidentsSeen
    from activities.incidents.stewardship import HistorySeen, StewardshipActivities
    from activities.monitoring.costs import CostActivities, CostsSeen, LookAtCosts
    from activities.monitoring.latency import CollectingSeen, LatencyActivities, LatencySeen
    from activities.monitoring.provider_latency import ProviderTimeActivities, ProviderTimesSeen
    from activities.monitoring.providers import ProviderActivities, ProviderCallsSeen, ProvidersSeen
    from activities.monitoring.sentry import SentryActivities, SentrySeen, TopIssues
    from activities.monitoring.service_metrics import CpuSeen, ErrorsSeen, ServiceMetricActivities
    from activities.postgres.check import PostgresActivities
    from activities.postgres.database_seen import DatabaseSeen
    from activities.postgres.sessions import LookAtSessions, SessionActivities, SessionsSeen
    from activities.postgres.slowness import SlownessActivities
    from activities.postgres.slowness_seen import LookAtSlowness, SlownessSeen
    from activities.service.host import HostActivities, HostSeen
    from activities.service.logs import LogActivities, LogsSeen
    from activities.service.networks import LookAtNetworks, NetworkActivities, NetworksSeen
    from activities.service.ports import PortActivities, PortSeen
    from activities.service.retries import RetriesSeen, RetryLineActivities
    from models.evidence.deployment import Deployment
    from models.service.service import Service
    from workflows.diagnosis.app_looks import *  # noqa: F403  what is looked at of the application
    from workflows.diagnosis.app_looks import endpoint, route, the_service
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.process_looks import *  # noqa: F403  what is looked at of its process and its memory
    from workflows.diagnosis.process_looks import process
    from workflows.diagnosis.situation import Situation


EVERY_SETTING = "every setting"
"""The name by which all settings that save are proposed together."""


def its_answer(now: Situation) -> LookByScript | None:
    """By the command of its answer, where the configuration has one."""
    answer = now.policy.answer
    if answer is None or answer.look is None:
        return None
    return LookByScript(service=now.service, command=answer.look, environment=answer.environment)


def its_database(now: Situation) -> Service | None:
    return now.database


def its_dependent(now: Situation) -> Service:
    return now.dependent


def its_dependencies(now: Situation) -> LookAtDependencies | None:
    services = now.policy.dependencies
    return LookAtDependencies(services=services) if services else None


def its_dependents(now: Situation) -> LookAtDependencies | None:
    services = now.policy.dependents
    return LookAtDependencies(services=services) if services else None


def its_sessions(now: Situation) -> LookAtSessions | None:
    if now.database is None or now.database.database is None:
        return None
    limits = now.database.database
    return LookAtSessions(
        service=now.database, idle_longer_than=limits.idle_limit, runs_longer_than=limits.slow_query
    )


def its_slowness(now: Situation) -> LookAtSlowness | None:
    """What takes half of the time that a request may take is slow, in its database."""
    if now.database is None or now.database.database is None:
        return None
    metrics, usual = now.service.metrics, now.database.database.slow_query
    slower_than = min(usual, metrics.latency.threshold / 2) if metrics else usual
    return LookAtSlowness(service=now.database, slower_than=slower_than)


def its_networks(now: Situation) -> LookAtNetworks:
    """Whether the one that needs this service can reach it."""
    return LookAtNetworks(service=now.dependent, needed=(now.service,))


def its_pool(now: Situation) -> ProposeEnvironment | None:
    pool = now.dependent.pool
    if pool is None:
        return None
    return ProposeEnvironment(service=now.dependent, values={pool.key: str(pool.value)})


def its_costs(now: Situation) -> LookAtCosts:
    return LookAtCosts(service=now.service, time_zone=now.policy.time_zone)


def its_savings(now: Situation) -> ProposeSavings | None:
    """What saves at each provider, and everything that saves."""
    costs = now.service.costs
    if costs is None:
        return None
    options = {name: api.settings for name, api in costs.apis.items() if api.settings}
    every = costs.settings | {key: limit for one in options.values() for key, limit in one.items()}
    return ProposeSavings(service=now.service, options={**options, EVERY_SETTING: every})


def its_issues(now: Situation) -> TopIssues:
    """The top issues, and which of them are new since the last deployment: a pipeline tells of it late."""
    current, started_at = deployments(now).current, now[process].started_at
    since = min(current.deployed_at, started_at or current.deployed_at) if current else None
    return TopIssues(service=now.service, since=since)


def its_endpoint_issues(now: Situation) -> TopIssues | None:
    """Only those of the endpoint: look at that, and at its route, first."""
    routes = now[endpoint].routes or ((now[route].route,) if now[route].route else ())
    return its_issues(now).model_copy(update={"routes": routes}) if routes else None


answer = Look("answer", AnswerSeen, AnswerActivities.look_by_script, its_answer, "configured look")
health = Look("health", HealthSeen, HealthActivities.probe_health, the_service, "health check")
recent_logs = Look("logs", LogsSeen, LogActivities.read_logs, the_service, "last log lines")
port_owner = Look("port", PortSeen, PortActivities.look_at_port, the_service)
host = Look("host", HostSeen, HostActivities.look_at_host, the_service, "host disk and memory")
dependencies = Look(
    "dependencies", DependenciesSeen, DependencyActivities.look_at_dependencies, its_dependencies
)
dependents = Look(
    "dependents",
    DependenciesSeen,
    DependencyActivities.look_at_dependencies,
    its_dependents,
    "services that need it",
)
dependents_logs = Look(
    "dependents_logs", LogsSeen, LogActivities.read_logs, its_dependent, "log of what needs it"
)
database = Look("database", DatabaseSeen, PostgresActivities.check_database, its_database, "SELECT 1")
sessions = Look("sessions", SessionsSeen, SessionActivities.look_at_sessions, its_sessions)
networks = Look("networks", NetworksSeen, NetworkActivities.look_at_networks, its_networks)
old_files = Look("old_files", OldFilesSeen, CleanUpActivities.look_at_old_files, the_service)
pool_setting = Look("pool_setting", EnvironmentProposal, EnvironmentActivities.propose_environment, its_pool)
errors = Look("errors", ErrorsSeen, ServiceMetricActivities.look_at_errors, the_service, "error ratio")
costs = Look("costs", CostsSeen, CostActivities.look_at_costs, its_costs, "API costs")
savings = Look("savings", SavingsSeen, SavingActivities.propose_savings, its_savings, "settings that save")
retries = Look("retries", RetriesSeen, RetryLineActivities.look_at_retries, the_service, "retries in its log")
cpu = Look("cpu", CpuSeen, ServiceMetricActivities.look_at_cpu, the_service, "CPU")
latency = Look("latency", LatencySeen, LatencyActivities.look_at_latency, the_service, "time to answer")
collecting = Look(
    "collecting", CollectingSeen, LatencyActivities.look_at_collecting, the_service, "garbage collection"
)
slowness = Look(
    "slowness", SlownessSeen, SlownessActivities.look_at_slowness, its_slowness, "slow statements"
)
provider_times = Look(
    "provider_times",
    ProviderTimesSeen,
    ProviderTimeActivities.look_at_provider_times,
    the_service,
    "time that providers take",
)
issues = Look("issues", SentrySeen, SentryActivities.top_issues, its_issues, "top issues")
endpoint_issues = Look(
    "endpoint_issues", SentrySeen, SentryActivities.top_issues, its_endpoint_issues, "issues of the endpoint"
)
providers = Look("providers", ProvidersSeen, ProviderActivities.probe_providers, the_service)
provider_calls = Look(
    "provider_calls",
    ProviderCallsSeen,
    ProviderActivities.look_at_provider_calls,
    the_service,
    "its own calls of providers",
)
unread_settings = Look(
    "unread_settings", UnreadSettingsSeen, RecreateActivities.look_at_unread_settings, the_service
)
history = Look(
    "history",
    HistorySeen,
    StewardshipActivities.look_at_history,
    the_service,
    "deployments and recent actions",
)


open_incidents = Look(
    "open_incidents",
    OpenIncidentsSeen,
    OpenIncidentActivities.look_at_open_incidents,
    the_service,
    "other open incidents",
)
dependent_history = Look(
    "dependent_history",
    HistorySeen,
    StewardshipActivities.look_at_history,
    its_dependent,
    "recent actions on what needs it",
)


def deployments(now: Situation) -> HistorySeen:
    """What the steward remembers, with the version that runs now as the newest deployment.

    A version may raise the alert before anybody has told the steward of it.
    """
    running, remembered = now[process], now[history]
    deployed_at = running.started_at or running.observed_at
    if not running.image or remembered.runs(running.version) or deployed_at is None:
        return remembered
    newest = Deployment(
        service=now.service.name,
        version=running.image,
        image_id=running.image_id,
        deployed_at=deployed_at,
        current=True,
    )
    others = (one for one in remembered.deployments if not one.is_version(running.version))
    before = (one.model_copy(update={"current": False}) for one in others)
    return remembered.model_copy(update={"deployments": (newest, *before)})
