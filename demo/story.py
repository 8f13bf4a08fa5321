"""One incident from the fault to its review, followed as it happens."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.faults import Fault
from demo.screen import Screen
from demo.stack import Stack
from demo.webhook import Firing, post
from models.base import in_words
from models.incident import IncidentState, PendingApproval
from models.names import incident_id
from models.review import Review

INCIDENT = incident_id("ServiceDown", "backend")
_LOOK_EVERY = 0.5
"""Seconds between two looks at the incident."""


@dataclass(frozen=True)
class Ending:
    """How the incident ended: its run, its review, and when the backend was healthy again."""

    status: WorkflowExecutionStatus
    review: Review
    stored: str
    healthy_after: float

    def went_as_expected(self, fault: Fault) -> bool:
        """Completed, with the cause that the fault is known to have."""
        return self.status is WorkflowExecutionStatus.COMPLETED and self.review.cause == fault.cause


class Story:
    """Breaks the backend, raises the alert, and tells what the runbook does about it."""

    def __init__(self, stack: Stack, screen: Screen) -> None:
        self._stack = stack
        self._screen = screen
        self._told = 0
        self._approved: set[str] = set()

    async def tell(self, fault: Fault) -> Ending:
        """From the fault to the review. The run is followed by its ID, and never steered but for an
        approval, which is shown as the command that a person would type."""
        self._screen.line(f"FAULT     {fault.says}")
        broken_at, since = datetime.now(UTC), time.monotonic()
        async with fault.inject(self._stack.services, self._stack.directory):
            firing = Firing(broken_at)
            await post(self._stack.intake.url, self._stack.token, firing)
            self._screen.line("ALERT     ServiceDown fires; the webhook was taken with 200")
            handle = await self._run()
            healthy_after = await self._follow(handle, firing, since)
            status, review = await self._end_of(handle)
            state = await handle.query("state", result_type=IncidentState)
        return Ending(status, review, state.review, healthy_after)

    async def _run(self) -> WorkflowHandle[None, Review]:
        """A handle on this very run: its ID alone would also find the next one."""
        client = await Client.connect(self._stack.temporal.address, data_converter=pydantic_data_converter)
        run = await client.get_workflow_handle(INCIDENT).describe()
        self._told = 0
        self._screen.line(f"WATCH IT  {self._stack.temporal.ui}/namespaces/default/workflows/{INCIDENT}")
        return client.get_workflow_handle(INCIDENT, run_id=run.run_id, result_type=Review)

    async def _follow(self, handle: WorkflowHandle[None, Review], firing: Firing, since: float) -> float:
        """Show the timeline until the run has closed; say `resolved` once the backend is healthy."""
        healthy_after = 0.0
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await self._look(handle)
            if not healthy_after and not await self._stack.services.backend.is_healthy():
                healthy_after = time.monotonic() - since
                await post(self._stack.intake.url, self._stack.token, firing, resolved=True)
                self._screen.line("ALERT     the backend is healthy; the webhook says resolved")
            await asyncio.sleep(_LOOK_EVERY)
        await self._look(handle)
        return healthy_after

    async def _look(self, handle: WorkflowHandle[None, Review]) -> None:
        with suppress(RPCError):  # a run that has not begun yet cannot be asked
            state = await handle.query("state", result_type=IncidentState)
            for entry in state.timeline[self._told :]:
                self._screen.line(f"  {state.phase.value:<18} {entry.text}")
            self._told = len(state.timeline)
            self._screen.status(f"{state.phase.value}: {state.summary}")
            if state.awaiting and state.awaiting.digest not in self._approved:
                await self._approve(state.awaiting)

    async def _approve(self, pending: PendingApproval) -> None:
        self._approved.add(pending.digest)
        self._screen.line(f"APPROVAL  {pending.risk.value}: {pending.plan.says}")
        self._screen.line("          a person would type this now; the demo types it for you:")
        arguments = ("approve", INCIDENT, "--by", "demo")
        self._screen.plain(f"            python starter.py {' '.join(arguments)}")
        done = await asyncio.to_thread(self._stack.command, *arguments)
        self._screen.line(f"          {(done.stdout or done.stderr).strip()}")

    async def _end_of(self, handle: WorkflowHandle[None, Review]) -> tuple[WorkflowExecutionStatus, Review]:
        status = (await handle.describe()).status
        assert status is not None
        return status, await handle.result()


def last_words(ending: Ending, fault: Fault) -> list[str]:
    """Cause, action, times and the review, a line each."""
    review = ending.review
    done = "; ".join(f"{one.plan.says} ({one.found})" for one in review.performed) or "nothing"
    expected = "" if ending.went_as_expected(fault) else f", but {fault.cause} was expected"
    return [
        f"cause             {review.cause}{expected}",
        f"action            {done}",
        f"time to recovery  healthy again after {ending.healthy_after:.1f} s, "
        f"resolved after {in_words(review.resolved_after)}",
        f"outcome           {review.outcome.value}; the run is {ending.status.name.lower()}",
        f"review            {ending.stored or 'not written'}",
    ]
