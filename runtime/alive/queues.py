"""Who asks for work at a task queue, and how much waits there, as Temporal sees it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from models.base import in_words
from models.configuration.configuration import Configuration
from models.examined import Check
from models.names import queue_of, verification_queue_of
from runtime.connection import PATIENCE
from runtime.errors import Trouble, in_time

POLLED_WITHIN = timedelta(seconds=90)
"""A worker asks for work at least this often: one poll lasts a minute. Temporal remembers it for longer."""
QUIET = timedelta(seconds=30)
"""A Temporal that was started anew has forgotten who polled, until each polls again."""

_TYPES = {
    "workflows": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activities": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


@dataclass(frozen=True)
class QueueSeen:
    """One task queue: who polls it, and what waits."""

    polling: frozenset[str]
    """The identities of those that asked for work lately."""
    quiet: tuple[str, ...] = ()
    """The kinds of tasks that nobody asked for."""
    backlog: int = 0
    age: timedelta = timedelta(0)
    """How long the oldest task has been waiting."""


def hosts_of(configuration: Configuration) -> tuple[str, ...]:
    """The machines that need a worker of their own."""
    return tuple(sorted({one.host for one in configuration.services.values() if one.host}))


async def look_at_queue(client: Client, queue: str) -> QueueSeen:
    """Both kinds of its tasks: who has no room for activities still asks for workflow tasks."""
    answers = {name: await _described(client, queue, kind) for name, kind in _TYPES.items()}
    return QueueSeen(
        polling=pollers(answers.values()),
        quiet=tuple(name for name, answer in answers.items() if not pollers([answer])),
        backlog=sum(one.stats.approximate_backlog_count for one in answers.values()),
        age=max(one.stats.approximate_backlog_age.ToTimedelta() for one in answers.values()),
    )


async def check_queues(client: Client, hosts: Iterable[str]) -> list[Check]:
    """Whether somebody works at each task queue that is in use, that of the verifications too."""
    return [await _check_queue(client, host) for host in (None, *hosts)]


async def _check_queue(client: Client, host: str | None) -> Check:
    name = f"workers of {host}" if host else "workers"
    try:
        async with in_time(PATIENCE):
            seen = await look_at_queue(client, queue_of(host))
            verifying = await look_at_queue(client, verification_queue_of(host))
    except Trouble as trouble:
        return Check(name=name, ok=False, problem=str(trouble), cure="see Temporal above")
    if not seen.polling:
        waits = (
            "its services are neither looked at nor repaired" if host else "alerts wait, and nobody is told"
        )
        problem = f"nobody polls the task queue {queue_of(host)}: {waits}"
        cure = f"start python worker.py{f' --host {host} there' if host else ''}, and see its log"
        return Check(name=name, ok=False, problem=problem, cure=cure)
    quiet = [] if host else [f"{queue_of(host)} ({kind})" for kind in seen.quiet]
    quiet += [] if verifying.polling else [verification_queue_of(host)]
    if quiet:
        problem = f"nobody has asked for work at {', '.join(quiet)} lately"
        cure = "its worker has no room, or is not one of this product: see its log, or start another"
        return Check(name=name, ok=False, problem=problem, cure=cure, optional=True)
    return Check(name=f"{name} ({len(seen.polling)})", ok=True)


class Attended:
    """Whether workers poll, for `/readyz`. It is not shaken by a Temporal that was started anew.

    Before the first worker was seen, and when none was seen for `quiet`, there are none.
    """

    def __init__(self, client: Client, quiet: timedelta = QUIET) -> None:
        self._client = client
        self._quiet = quiet.total_seconds()
        self._seen: dict[str | None, float] = {}

    async def look(self, configuration: Configuration) -> list[Check]:
        """One check for the queue of the incidents, and one for those of the hosts, if there are any."""
        checks = [self._judged((None,), await self._ask((None,)), "workers")]
        if hosts := hosts_of(configuration):
            found = self._judged(hosts, await self._ask(hosts), "workers of hosts")
            checks.append(found.model_copy(update={"optional": True}))
        return checks

    async def _ask(self, hosts: Iterable[str | None]) -> str:
        """What keeps Temporal from telling; empty once it was asked."""
        try:
            async with in_time(PATIENCE):
                for host in hosts:
                    if (await look_at_queue(self._client, queue_of(host))).polling:
                        self._seen[host] = time.monotonic()
        except Trouble as trouble:
            return str(trouble)
        return ""

    def _judged(self, hosts: tuple[str | None, ...], away: str, name: str) -> Check:
        now = time.monotonic()
        gone = [one for one in hosts if now - self._seen.get(one, float("-inf")) > self._quiet]
        if away or not gone:
            return Check(name=name, ok=not away, problem=away, cure="see Temporal above" if away else "")
        queues = ", ".join(map(queue_of, gone))
        problem = f"nobody polls the task queue {queues}, for more than {in_words(POLLED_WITHIN)}"
        cure = "start python worker.py (--host NAME on its host), and see its log"
        return Check(name=name, ok=False, problem=problem, cure=cure)


async def _described(client: Client, queue: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=kind,
        report_stats=True,
    )
    return await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)


def pollers(answers: Iterable[DescribeTaskQueueResponse]) -> frozenset[str]:
    """Who asked for work lately, by their identity."""
    since = datetime.now(UTC) - POLLED_WITHIN
    return frozenset(
        poller.identity
        for answer in answers
        for poller in answer.pollers
        if poller.last_access_time.ToDatetime(tzinfo=UTC) >= since
    )
