"""One incident from the fault to its review."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from temporalio.client import WorkflowExecutionStatus

from demo.faults import Fault
from demo.observed import RATIO, THRESHOLD
from demo.screen import Screen
from demo.stack import Stack
from demo.systems.services import Services
from demo.watch import Run, Watch
from demo.webhook import Firing, post
from models.base import in_words
from models.incident.incident import IncidentState, Phase
from models.incident.review import Review

IsOver = Callable[[Services], Awaitable[bool]]
_OVER = (Phase.RESOLVED, Phase.CLOSED)
_LOOK_EVERY = 0.5
"""Seconds between two looks at the incident."""


@dataclass(frozen=True)
class Ending:
    """How the incident ended: its review, where that is, and when the backend was healthy again."""

    status: WorkflowExecutionStatus
    review: Review | None
    stored: str
    healthy_after: float

    def went_as_expected(self, fault: Fault) -> bool:
        """Completed, with the cause that the fault is known to have."""
        completed = self.status is WorkflowExecutionStatus.COMPLETED
        return completed and self.review is not None and self.review.cause == fault.cause


class Story:
    """Breaks the backend, raises the alert, and tells what the runbook does about it."""

    def __init__(self, stack: Stack, screen: Screen) -> None:
        self._stack = stack
        self._screen = screen
        self._watch = Watch(stack, screen)

    async def tell(self, fault: Fault) -> Ending:
        """From the fault to the review."""
        self._screen.line(f"FAULT     {fault.says}")
        broken_at, since = datetime.now(UTC), time.monotonic()
        async with fault.inject(self._stack.services):
            firing = Firing(broken_at, fault.alert, fault.service, fault.labels)
            await post(self._stack.intake.url, self._stack.token, firing)
            self._screen.line(f"ALERT     {fault.alert} fires; the intake took the webhook")
            run = await self._watch.run_of(firing.incident)
            self._screen.line(f"WATCH IT  {self._stack.page_of(firing.incident)}")
            workflow = quote(firing.incident, safe="")
            history = f"{self._stack.temporal.ui}/namespaces/default/workflows/{workflow}/{run.run_id}"
            self._screen.line(f"          its history in Temporal: {history}")
            is_over = fault.is_over or self._is_well
            healthy_after = await self._follow(run, firing, since, is_over, reports=fault.reports)
        await self._until_closed(run)
        return await self._ending(run, healthy_after)

    async def _follow(
        self, run: Run, firing: Firing, since: float, is_over: IsOver, *, reports: bool
    ) -> float:
        """Follow until it is over, except for what is temporary; send `resolved` once all is well.

        What is only reported does not become well by that.
        """
        healthy_after = 0.0
        while (phase := await self._watch.look(run)) not in _OVER:
            if phase is Phase.ESCALATED:
                await self._watch.take_over(run)
            if not reports and not healthy_after and await is_over(self._stack.services):
                healthy_after = time.monotonic() - since
                await post(self._stack.intake.url, self._stack.token, firing, resolved=True)
                self._screen.line("ALERT     all is well again; the webhook says resolved")
            await asyncio.sleep(_LOOK_EVERY)
        return healthy_after

    async def _until_closed(self, run: Run) -> None:
        """What was temporary is reverted when its reason is gone."""
        while (await run.describe()).status is WorkflowExecutionStatus.RUNNING:
            await self._watch.look(run)
            await asyncio.sleep(_LOOK_EVERY)
        await self._watch.look(run)

    async def _is_well(self, services: Services) -> bool:
        """As the rule that raised the alert sees it."""
        if services.surroundings is None:
            return not await services.backend.is_healthy()
        ratio = await services.surroundings.prometheus.value(RATIO)
        return ratio is not None and ratio < THRESHOLD

    async def _ending(self, run: Run, healthy_after: float) -> Ending:
        status = (await run.describe()).status
        assert status is not None
        if status is not WorkflowExecutionStatus.COMPLETED:
            return Ending(status, None, "", healthy_after)
        state = await run.query("state", result_type=IncidentState)
        return Ending(status, await run.result(), state.review, healthy_after)


def last_words(ending: Ending, fault: Fault) -> list[str]:
    """Cause, action, times and the review, a line each."""
    review = ending.review
    if review is None:
        return [f"outcome           the run {ending.status.name.lower()}, without a review"]
    handed = (f"handed to {incident}" for incident in review.handed_to)
    done = "; ".join((*handed, *(f"{one.plan.says} ({one.found})" for one in review.performed))) or "nothing"
    expected = "" if ending.went_as_expected(fault) else f", but {fault.cause} was expected"
    return [
        f"cause             {review.cause}{expected}",
        f"action            {done}",
        f"time to recovery  healthy again after {ending.healthy_after:.1f} s, "
        f"resolved after {in_words(review.resolved_after)}",
        f"outcome           {review.outcome.value}; the run {ending.status.name.lower()}",
        f"review            {ending.stored or 'not written'}",
    ]
