"""No message breaks a run, whatever is in it: one that its handler cannot take is dropped and noted.

Anybody may send any signal or update, with no input, with another or with two. Temporal would try
the task again for ever if a handler raised, and the run would hear nothing any more. A run that goes
on in a new one learns of each message first: it does so in no workflow task that brings one.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol, runtime_checkable

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

with workflow.unsafe.imports_passed_through():
    from workflows.record.mistakes import described, raise_temporals_own


@runtime_checkable
class Notes(Protocol):
    """A workflow that has a place for notes."""

    def note_dropped(self, what: str) -> None:
        """Write down that a message was dropped."""
        ...


@runtime_checkable
class Hears(Protocol):
    """A workflow that wants to know that a message came, whatever is in it."""

    def message_came(self) -> None:
        """A message came."""
        ...


class GuardedMessages(Interceptor):
    """For every worker that hosts workflows."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _Guarded


class _Guarded(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        _came()
        try:
            await super().handle_signal(input)
        except Exception as error:
            raise_temporals_own(error)
            _note(f"the signal {input.signal} was ignored, it cannot be taken: {described(error)}", error)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        _came()
        try:
            return await super().handle_update_handler(input)
        except ApplicationError:
            raise
        except Exception as error:
            raise_temporals_own(error)
            refused = f"the update {input.update} cannot be taken: {described(error)}"
            _note(refused, error)
            raise ApplicationError(refused, type="CannotBeTaken", non_retryable=True) from error


def _came() -> None:
    run = workflow.instance()
    if _hears(run.__class__):
        run.message_came()


@functools.cache
def _hears(kind: type[object]) -> bool:
    """Asked once: the answer for a protocol takes longer than most messages."""
    return issubclass(kind, Hears)


def _note(what: str, error: Exception) -> None:
    workflow.logger.error(what, exc_info=error)
    run = workflow.instance()
    if isinstance(run, Notes):
        run.note_dropped(what)
