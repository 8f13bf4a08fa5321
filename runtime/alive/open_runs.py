"""Whether this worker's code replays the runs that are open, before it takes their tasks.

Code that does not would make each of their workflow tasks fail, for ever: questions, pages and deadlines of
theirs would stop. Where other workers do their work, this one stays out, and nothing is lost; where it
is alone, it starts, because new alerts need it more, and a person is told of each such run at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.service import RPCError
from temporalio.worker import Replayer

from models.base import in_words
from models.configuration.processes import Unreplayable
from models.names import TASK_QUEUE
from models.text import plain
from runtime.connection import PATIENCE
from runtime.errors import DoesNotReplay, Trouble, in_time
from runtime.stuck_runs import OpenRun, open_run, stuck_runs
from runtime.systems.runs import RUNNER
from workflows.checks.registry import HOSTED
from workflows.record.guarded_messages import GuardedMessages
from workflows.runbooks.classes import every_workflow

MOST = 200
"""Runs that are replayed, of each type in turn: to replay one takes some 15 ms."""
LISTED = 2_000
"""Among so many they are chosen, the newest."""
WITHIN = timedelta(seconds=20)
"""What was not replayed until then is left to itself: a worker must not be late for its alerts."""
LONGEST = 5_000
"""Events of a history that is replayed: a longer one would take the time of all others."""
NAMED = 5

logger = structlog.get_logger("worker")


@dataclass(frozen=True)
class Unfit:
    """An open run that this code does not replay."""

    run: OpenRun
    why: str


async def unfit_runs(
    client: Client, workflows: Sequence[type[object]] = (), within: timedelta = WITHIN
) -> list[Unfit]:
    """Those that go on now, and would not with these workflows; by default all. Raises Trouble.

    What cannot go on already is left out: no new worker makes it worse.
    """
    workflows = workflows or (*every_workflow(), *HOSTED)
    began = time.monotonic()
    async with in_time(within):
        known = {one.__name__ for one in workflows}
        stuck = {one.run_id for one in await stuck_runs(client)}
        runs = {one.run_id: one for one in await _open(client) if one.run_id not in stuck}
    chosen = _of_each_type([one for one in runs.values() if one.workflow_type in known])[:MOST]
    if not chosen:
        return []
    until = began + within.total_seconds()
    replayer = Replayer(
        workflows=list(workflows),
        workflow_runner=RUNNER,
        interceptors=[GuardedMessages()],
        data_converter=client.data_converter,
    )
    found, replayed = list[Unfit](), 0
    async with (
        in_time(2 * within),
        replayer.workflow_replay_iterator(_histories(client, chosen, until)) as results,
    ):
        async for result in results:
            replayed += 1
            if result.replay_failure:
                run = runs[result.history.run_id]
                found.append(Unfit(open_run(run), plain(str(result.replay_failure), 200)))
    took = in_words(timedelta(seconds=time.monotonic() - began))
    logger.info("replayed what is open", runs=replayed, left_out=len(runs) - replayed, took=took)
    return found


async def must_replay(client: Client, policy: Unreplayable) -> tuple[OpenRun, ...]:
    """The runs of which somebody must be told. Raises DoesNotReplay where this worker must not start."""
    try:
        found = await unfit_runs(client)
    except Trouble as trouble:
        logger.warning("what is open was not replayed before the start", why=str(trouble))
        return ()
    for one in found:
        logger.error(
            "this code does not replay an open run", run=one.run.id, run_id=one.run.run_id, why=one.why
        )
    if not found or policy is Unreplayable.START:
        return tuple(one.run for one in found)
    others = await _goes_on(client, found[0].run)
    if others or policy is Unreplayable.REFUSE:
        raise DoesNotReplay(_refusal(found, others=others))
    return tuple(one.run for one in found)


async def _goes_on(client: Client, run: OpenRun) -> bool:
    """Whether a worker answers for it now. That one polled lately would not tell: it may just have ended."""
    try:
        async with in_time(PATIENCE, run.id):
            handle = client.get_workflow_handle(run.id, run_id=run.run_id)
            await handle.query("__stack_trace", rpc_timeout=PATIENCE)
    except Trouble:
        return False
    return True


def _refusal(found: Sequence[Unfit], *, others: bool) -> str:
    named = ", ".join(f"{one.run.id} (run {one.run.run_id})" for one in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    here = "Other workers go on with them" if others else "worker.unreplayable is refuse"
    return (
        f"not started, for this version does not replay what is open: {named}{more}: {found[0].why}. "
        f"{here}. Keep the previous version until these are closed, guard the change with workflow.patched, "
        "or terminate them and start again"
    )


async def _open(client: Client) -> list[WorkflowExecution]:
    query = f"ExecutionStatus = 'Running' AND TaskQueue = '{TASK_QUEUE}'"
    listed = client.list_workflows(query, limit=LISTED, rpc_timeout=PATIENCE)
    return [one async for one in listed if one.history_length <= LONGEST]


def _of_each_type(runs: Sequence[WorkflowExecution]) -> list[WorkflowExecution]:
    """The first of each type, then the second: few are enough to see that a type does not fit."""
    by_type: dict[str, list[WorkflowExecution]] = {}
    for one in runs:
        by_type.setdefault(one.workflow_type, []).append(one)
    turn = {one.run_id: n for several in by_type.values() for n, one in enumerate(several)}
    return sorted(runs, key=lambda one: turn[one.run_id])


async def _histories(
    client: Client, runs: Sequence[WorkflowExecution], until: float
) -> AsyncIterator[WorkflowHistory]:
    """One after the other, while there is time. One that closed meanwhile, or cannot be had, is left out."""
    for one in runs:
        left = until - time.monotonic()
        if left <= 0:
            return
        try:
            async with asyncio.timeout(left):
                handle = client.get_workflow_handle(one.id, run_id=one.run_id)
                history = await handle.fetch_history(rpc_timeout=PATIENCE)
        except (RPCError, TimeoutError):
            continue
        yield history
