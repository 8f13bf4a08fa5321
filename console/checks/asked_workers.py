"""What the workers see: `doctor` asks one of each task queue through Temporal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowFailureError, WorkflowHandle

from activities.doctor.clocks import judged
from console.checks.check import NOT_TAKEN_YET, TAKEN_WITHIN
from console.checks.seen import HERE
from models.examined import Check, DoctorReport, DoctorRequest, Examined
from models.names import CHECK, DOCTOR, TASK_QUEUE
from models.text import plain
from runtime.connection import PATIENCE
from runtime.errors import NobodyAnswers, Trouble, in_time

ANSWER_WITHIN = timedelta(seconds=45)
LOOK_EVERY = 1.0
"""Seconds between two looks at whether a worker has taken it."""


@dataclass(frozen=True)
class Answers:
    """The checks of the workers that answered, and what stands in for those that did not."""

    checks: list[Check]
    examined: Sequence[Examined] = ()


async def ask_workers(client: Client, hosts: Sequence[str]) -> Answers:
    """Never raises for a worker, or a Temporal, that does not answer."""
    name = f"{CHECK}/doctor-{uuid4().hex[:12]}"
    began = datetime.now(UTC)
    try:
        async with in_time(PATIENCE):
            handle = await client.start_workflow(
                DOCTOR,
                DoctorRequest(hosts=tuple(hosts)),
                id=name,
                task_queue=TASK_QUEUE,
                result_type=DoctorReport,
                execution_timeout=2 * ANSWER_WITHIN,
                static_summary="doctor, asked for by a person",
                rpc_timeout=PATIENCE,
            )
            took = datetime.now(UTC) - began
            ahead = (await handle.describe(rpc_timeout=PATIENCE)).start_time - began - took / 2
        clock = judged("clock of Temporal", ahead, slack=took / 2).model_copy(update={"seen_from": HERE})
        report = await _answered(handle)
    except Trouble as trouble:
        return Answers([_nobody(Examined(not_looked=str(trouble)))])
    seen = [one for one in report.examined if not one.not_looked]
    checks = [check.model_copy(update={"seen_from": one.by}) for one in seen for check in one.checks]
    return Answers([clock, *checks, *(_nobody(one) for one in report.examined if one.not_looked)], seen)


async def nobody_to_ask() -> Answers:
    """Where nobody polls."""
    return Answers([_nobody(Examined(not_looked="there is none to ask"))])


async def _answered(handle: WorkflowHandle[object, DoctorReport]) -> DoctorReport:
    """The report. Ends the run when nobody takes it, so that it is not left for a later worker."""
    result = asyncio.create_task(handle.result())
    began = time.monotonic()
    try:
        async with in_time(ANSWER_WITHIN, handle.id):
            while not result.done():
                await asyncio.wait({result}, timeout=LOOK_EVERY)
                if not result.done():
                    _must_be_taken(await handle.describe(rpc_timeout=PATIENCE), time.monotonic() - began)
            return await result
    except WorkflowFailureError as error:
        raise NobodyAnswers(f"{handle.id} did not end well: {plain(str(error.cause), 200)}") from error
    except Trouble:
        with suppress(Trouble):
            async with in_time(PATIENCE, handle.id):
                await handle.terminate("nobody answered", rpc_timeout=PATIENCE)
        raise
    finally:
        result.cancel()


def _must_be_taken(seen: WorkflowExecutionDescription, seconds: float) -> None:
    """Raises NobodyAnswers when no worker took it in time, or one took it that cannot answer."""
    if seen.history_length <= NOT_TAKEN_YET and seconds >= TAKEN_WITHIN.total_seconds():
        raise NobodyAnswers(f"no worker took the question within {TAKEN_WITHIN.total_seconds():g} s")
    if seen.raw_description.pending_workflow_task.attempt > 1:
        raise NobodyAnswers("the worker that took the question is of another version, and cannot answer it")


def _nobody(one: Examined) -> Check:
    """A line for those that could not look, so that what follows is not taken for their word."""
    name = f"what the worker of {one.host} sees" if one.host else "what a worker sees"
    option = f" --host {one.host} there" if one.host else ""
    cure = f"is python worker.py{option} running? All else is told from here"
    return Check(name=name, ok=False, problem=plain(one.not_looked), cure=cure, seen_from=HERE)
