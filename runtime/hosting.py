"""Builds the clients and activities once, and the workers that host them.

Used by `worker.py`, and by `starter.py serve --with-worker` beside the intake.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from activities.health.probe import HealthActivities
from activities.managers import Managers
from activities.orders.bounded_answers import BoundedAnswers
from activities.orders.guard import OrdersAsConfigured
from activities.service.processes import ProcessActivities
from models.configuration.configuration import Configuration
from models.names import queue_of, verification_queue_of
from runtime.deployments import DeploymentWatch
from runtime.hosted.activities import Activity, build
from runtime.hosted.packages import classes_brought
from runtime.people.first_key import make_first_key
from runtime.people.signing import Signer
from runtime.schedules import ScheduleKeeper
from runtime.search_attributes import register_search_attributes
from runtime.stuck_runs import OpenRun, StuckWatch
from runtime.systems.outgoing import outgoing
from runtime.systems.runs import CACHED_RUNS, RUNNER
from workflows.checks.registry import HOSTED
from workflows.record.guarded_messages import GuardedMessages
from workflows.runbooks.classes import every_workflow

THREADS = 200
"""One for each slot of an activity, local or not: an action never waits for the thread of a look at an
engine that hangs. A thread is started when it is needed."""
DRAIN = timedelta(seconds=20)
"""How long running activities may take to end after SIGTERM; then another worker retries them."""

VERIFICATIONS = 1000
"""How many verifications may go on at once. They mostly sleep, and take no thread."""


def workers(
    client: Client,
    activities: Sequence[Activity],
    threads: ThreadPoolExecutor,
    host: str | None = None,
    guards: Sequence[Interceptor] = (),
) -> tuple[Worker, Worker]:
    """The common worker (with `host`, one for the activities that must run on that host), and the one for
    verifications, which has slots of its own. `guards` judge what their activities are asked for."""
    common = Worker(
        client,
        task_queue=queue_of(host),
        workflows=() if host else (*every_workflow(), *HOSTED),
        interceptors=[GuardedMessages(), BoundedAnswers(), *guards],
        workflow_runner=RUNNER,
        max_cached_workflows=CACHED_RUNS,
        activities=activities,
        activity_executor=threads,
        graceful_shutdown_timeout=DRAIN,
    )
    verifications = Worker(
        client,
        task_queue=verification_queue_of(host),
        interceptors=[BoundedAnswers(), *guards],
        activities=[one for one in activities if inspect.iscoroutinefunction(one)],
        max_concurrent_activities=VERIFICATIONS,
        graceful_shutdown_timeout=DRAIN,
    )
    return common, verifications


@asynccontextmanager
async def hosted(
    client: Client,
    configuration: Callable[[], Configuration],
    host: str | None = None,
    stuck: Sequence[OpenRun] = (),
) -> AsyncIterator[Worker]:
    """A running worker with its clients; on exit it drains. `stuck`: runs known not to go on with it.

    Raises AttributesMissing, and the worker's own fatal errors.
    """
    await register_search_attributes(client)
    if host is None:
        make_first_key(configuration)
    with ThreadPoolExecutor(THREADS) as threads:
        async with outgoing(configuration) as http:
            managers = Managers()
            activities = build(client, http, managers, configuration, classes_brought())
            guard = OrdersAsConfigured(configuration, client, host)
            one, verifications = workers(client, activities, threads, host, [guard])
            watch = DeploymentWatch(
                client, ProcessActivities(managers), HealthActivities(http), Signer(configuration)
            )
            beside = [asyncio.create_task(watch.run(configuration, host))]
            if host is None:
                beside.append(asyncio.create_task(StuckWatch(client, stuck).run(configuration)))
                beside.append(asyncio.create_task(ScheduleKeeper(client).run(configuration)))
            async with one, verifications:
                try:
                    yield one
                finally:
                    for task in beside:
                        task.cancel()
