"""Builds the clients and activities once, and the workers that host them.

`worker.py` hosts one, and so does `starter.py serve --with-worker`, beside the intake.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.worker import Worker

from activities.app.degradation import DegradationActivities
from activities.app.temporal import AppTemporalActivities
from activities.files.clean_up import CleanUpActivities
from activities.files.environment import EnvironmentActivities
from activities.health.dependencies import DependencyActivities
from activities.health.probe import HealthActivities
from activities.incidents.policy import PolicyActivities
from activities.incidents.stewardship import StewardshipActivities
from activities.managers import Managers
from activities.monitoring.alertmanager import AlertSourceActivities
from activities.monitoring.prometheus import PrometheusActivities
from activities.monitoring.providers import ProviderActivities
from activities.monitoring.sentry import SentryActivities
from activities.monitoring.service_metrics import ServiceMetricActivities
from activities.notify.announce import ChannelActivities
from activities.notify.build import build_channels
from activities.postgres.check import PostgresActivities
from activities.postgres.sessions import SessionActivities
from activities.postgres.settings import PostgresSettingActivities
from activities.review.reviews import ReviewActivities
from activities.service.actions import EffectActivities
from activities.service.host import HostActivities
from activities.service.logs import LogActivities
from activities.service.networks import NetworkActivities
from activities.service.ports import PortActivities
from activities.service.processes import ProcessActivities
from activities.support.secrets import resolve
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE, queue_of
from runtime.deployments import DeploymentWatch
from runtime.search_attributes import register_search_attributes
from workflows.runbooks.registry import WORKFLOWS

THREADS = 20
DRAIN = timedelta(seconds=20)
"""How long running activities may take to end after SIGTERM; then another worker takes them over."""

Activities = list[Callable[..., Any]]


@dataclass(frozen=True)
class House:
    """Everything that acts or looks, built from the worker's own clients."""

    looks: Activities
    effects: Activities
    versions: DeploymentWatch


def build(
    client: Client,
    http: httpx.AsyncClient,
    configuration: Callable[[], Configuration],
) -> House:
    """Build each activity once, with its clients."""
    now = configuration()
    managers = Managers()
    health = HealthActivities(http)
    processes, postgres = ProcessActivities(managers), PostgresActivities()
    providers, sessions = ProviderActivities(http), SessionActivities()
    metrics = ServiceMetricActivities(PrometheusActivities(http))
    environment = EnvironmentActivities(managers)
    networks, clean_up, degradation = (
        NetworkActivities(managers),
        CleanUpActivities(),
        DegradationActivities(http),
    )
    stewardship = StewardshipActivities(client)
    effects = EffectActivities(managers)
    return House(
        versions=DeploymentWatch(client, processes, health),
        looks=[
            PolicyActivities(configuration).take_policy,
            health.probe_health,
            processes.look_at_process,
            LogActivities(managers).read_logs,
            PortActivities(managers).look_at_port,
            HostActivities().look_at_host,
            DependencyActivities(health, processes, postgres).look_at_dependencies,
            postgres.check_database,
            sessions.look_at_sessions,
            environment.propose_environment,
            networks.look_at_networks,
            clean_up.look_at_old_files,
            metrics.look_at_errors,
            metrics.look_at_heap,
            metrics.look_at_cpu,
            SentryActivities(http).top_issues,
            providers.probe_providers,
            AppTemporalActivities().failed_executions,
            AlertSourceActivities(http).ask_source,
            stewardship.look_at_history,
            stewardship.read_control_room,
        ],
        effects=[
            health.watch_health,
            postgres.watch_database,
            metrics.watch_errors,
            providers.watch_providers,
            ChannelActivities(build_channels(now.channels, http, resolve)).announce,
            ReviewActivities(Path(now.directories.reviews)).write_review,
            stewardship.ask_steward,
            stewardship.is_open,
            stewardship.join_incident,
            stewardship.await_incident,
            effects.start_service,
            effects.restart_service,
            effects.restart_database,
            effects.raise_memory_limit,
            effects.kill_process,
            effects.roll_back,
            effects.scale_out,
            sessions.terminate_sessions,
            PostgresSettingActivities(managers).raise_max_connections,
            environment.set_environment,
            networks.reattach_network,
            clean_up.clean_up_files,
            degradation.degrade,
            degradation.restore_service,
            effects.look_back,
        ],
    )


CACHED_RUNS = 300
"""Runs that a worker keeps in memory, the ones used last. Most open incidents wait for a person, and to
replay one that somebody speaks to costs some 15 ms: the SDK's default of 1,000 would cost three times
the memory, and a storm of 200 incidents at once would open less than a tenth faster."""


def worker(client: Client, house: House, threads: ThreadPoolExecutor) -> Worker:
    """The common worker: workflows and all activities."""
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        max_cached_workflows=CACHED_RUNS,
        activities=[*house.looks, *house.effects],
        activity_executor=threads,
        graceful_shutdown_timeout=DRAIN,
    )


def host_worker(client: Client, house: House, threads: ThreadPoolExecutor, host: str) -> Worker:
    """The worker of one host: activities only, for what must run there."""
    return Worker(
        client,
        task_queue=queue_of(host),
        activities=[*house.looks, *house.effects],
        activity_executor=threads,
        graceful_shutdown_timeout=DRAIN,
    )


@asynccontextmanager
async def hosted(
    client: Client, configuration: Callable[[], Configuration], host: str | None = None
) -> AsyncIterator[Worker]:
    """A running worker with everything that it needs; on the way out it drains.

    Raises AttributesMissing, and what befalls the worker while it runs.
    """
    await register_search_attributes(client)
    with ThreadPoolExecutor(THREADS) as threads:
        async with httpx.AsyncClient(trust_env=False) as http:
            house = build(client, http, configuration)
            one = host_worker(client, house, threads, host) if host else worker(client, house, threads)
            versions = asyncio.create_task(house.versions.run(configuration, host))
            async with one:
                try:
                    yield one
                finally:
                    versions.cancel()
