"""An incident that goes on in a new run: when, and how others know that it is still the same one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.messages import BEGAN_IN
    from workflows.record.cut_short import unless

R = TypeVar("R")


class GoesOnInNewRun(Exception):
    """Raised at a safe point, caught by `Life` alone: nothing is under way, and nothing was missed."""


class Continuation:
    """Whether the history is so long that the incident goes on in a new run now.

    The server suggests it at a twelfth of its limit. Each signal is an event, so the bound on signals
    is kept as well.
    """

    def __init__(self) -> None:
        self._under_way: list[Callable[[], bool]] = []
        self._stop: list[Callable[[], None]] = []

    def waits_for(self, under_way: Callable[[], bool]) -> None:
        """What a new run would not know of: its end is waited for."""
        self._under_way.append(under_way)

    def stops(self, stop: Callable[[], None]) -> None:
        """What runs beside the page, and begins nothing more in this run."""
        self._stop.append(stop)

    @property
    def due(self) -> bool:
        """Whether it is time, and nothing is under way."""
        if not workflow.info().is_continue_as_new_suggested() or not workflow.all_handlers_finished():
            return False
        return not any(under_way() for under_way in self._under_way)

    def stop_if_due(self) -> None:
        """The safe point. Raises `GoesOnInNewRun`."""
        if self.due:
            for stop in self._stop:
                stop()
            raise GoesOnInNewRun

    async def meanwhile(
        self, work: Callable[[], Coroutine[Any, Any, R]], stop: Callable[[], bool]
    ) -> R | None:
        """The result of work that is only waited for; None when `stop` became true first.

        It begins anew in a new run.
        """
        while (result := await unless(lambda: stop() or self.due, work())) is None and not stop():
            self.stop_if_due()
        return result


def began_in() -> str:
    """The run in which this incident began: what tells it apart, however many runs it takes."""
    began: str = workflow.memo_value(BEGAN_IN, workflow.info().run_id, type_hint=str)
    return began
