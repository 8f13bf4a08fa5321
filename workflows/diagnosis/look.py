"""One look: an activity that gathers evidence, whatever evidence that is.

A look that fails is not an error of the incident: it is evidence that could not be had, and says
so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.evidence.evidence import Evidence
    from models.orders.comparison import NOT_AS_CONFIGURED
    from models.service.request import Request
    from workflows.diagnosis.situation import Situation
    from workflows.record.failures import in_short

TWICE = RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=200))
TIMEOUT = timedelta(seconds=15)
HOST_AWAY = timedelta(seconds=5)
"""A host's worker that takes no task for this long counts as away."""

R_co = TypeVar("R_co", bound=Evidence, covariant=True)
Q = TypeVar("Q", bound=Request)


class Look(Generic[R_co]):
    """`about` makes the activity's request from what is known so far; None when the configuration
    does not say where to look. People read `name` in reviews, and `summary` in the Temporal UI,
    where it says more."""

    def __init__(
        self,
        name: str,
        result: type[R_co],
        activity: Callable[[Any, Q], R_co] | Callable[[Any, Q], Awaitable[R_co]],
        about: Callable[[Situation], Q | None],
        summary: str = "",
    ) -> None:
        self.name = name
        self.result = result
        self.activity: Callable[..., Any] = activity
        self._about: Callable[[Situation], Request | None] = about
        self._summary = summary or name.replace("_", " ")

    async def take(self, now: Situation) -> R_co:
        """Run the look: in the worker at hand, or on the service's own host when it has one."""
        request = self._about(now)
        if request is None:
            return self.result(reason="not configured")
        summary = f"{self._summary} of {now.service.name}"
        try:
            if request.runs_at.host:
                return await self._there(request, summary)
            return await self._here(request, summary)
        except FailureError as error:
            if is_cancelled_exception(error):  # nobody waits for it any more: whoever took it ends too
                raise asyncio.CancelledError from error
            return self._failed(error)

    def _failed(self, error: FailureError) -> R_co:
        """Activities report trouble of other systems as evidence: an exception is a bug of ours, or a worker
        that has another configuration."""
        cause = error.cause or error  # a local one has no wrapper
        if isinstance(cause, ApplicationError) and cause.type == NOT_AS_CONFIGURED:
            workflow.logger.warning("look %s was not taken: %s", self.name, in_short(error))
        elif isinstance(cause, ApplicationError):
            workflow.logger.error("look %s failed in our own code: %s", self.name, in_short(error))
        return self.result(reason=f"could not be checked: {in_short(error)}")

    async def _here(self, request: Request, summary: str) -> R_co:
        seen: R_co = await workflow.execute_local_activity_method(
            self.activity,
            request,
            start_to_close_timeout=TIMEOUT,
            retry_policy=TWICE,
            summary=summary,
        )
        return seen

    async def _there(self, request: Request, summary: str) -> R_co:
        seen: R_co = await workflow.execute_activity_method(
            self.activity,
            request,
            task_queue=request.runs_at.queue,
            schedule_to_start_timeout=HOST_AWAY,
            schedule_to_close_timeout=2 * TIMEOUT,
            start_to_close_timeout=TIMEOUT,
            retry_policy=TWICE,
            summary=summary,
        )
        return seen


LOOKS_BROUGHT: dict[str, Look[Evidence]] = {}
"""The looks of outside packages by name. Filled when a process begins, before any run."""
