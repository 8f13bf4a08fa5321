"""An incident that goes on in a new run: when, and how others know that it is still the same one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.messages import BEGAN_IN
    from workflows.record.cut_short import unless

R = TypeVar("R")

LONG = 1_000
"""Events after which an incident goes on in a new run: far from every limit, and quick to replay."""
PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=10)
"""Without a message for so long, it may; looked for again and again, each time half as often."""


class GoesOnInNewRun(Exception):
    """Raised at a safe point, caught by `Life` alone: nothing is under way, and nothing was missed."""


class Continuation:
    """Whether the history is so long that the incident goes on in a new run now.

    Each signal is an event, so the bound on events bounds signals as well. Where messages stream in it
    waits for a pause: the server refuses the step while one arrives, and all of the run is replayed. The
    SDK runs the code for the messages of a workflow task before it tells of a cancellation in the same one:
    what stepped then would lose it.
    """

    def __init__(self) -> None:
        self._heard_at = workflow.now()
        self._under_way: list[Callable[[], bool]] = []
        self._stop: list[Callable[[], None]] = []

    def waits_for(self, under_way: Callable[[], bool]) -> None:
        """What a new run would not know of: its end is waited for."""
        self._under_way.append(under_way)

    def stops(self, stop: Callable[[], None]) -> None:
        """What runs beside the page, and begins nothing more in this run."""
        self._stop.append(stop)

    def heard(self) -> None:
        """A message came: another one may follow at once."""
        self._heard_at = workflow.now()

    async def look_for_a_pause(self) -> None:
        """Beside everything, for as long as the run lasts: what waits is woken when messages pause."""
        await workflow.wait_condition(_long)
        pause = PAUSE
        while True:
            await workflow.sleep(pause, summary="goes on in a new run when nothing is under way")
            pause = min(2 * pause, LONGEST_PAUSE)

    @property
    def due(self) -> bool:
        """Whether it is time, and nothing is under way."""
        if not _long() or workflow.now() - self._heard_at < PAUSE or not workflow.all_handlers_finished():
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


def _long() -> bool:
    info = workflow.info()
    return info.get_current_history_length() >= LONG or info.is_continue_as_new_suggested()


def began_in() -> str:
    """The run in which this incident began: what tells it apart, however many runs it takes."""
    began: str = workflow.memo_value(BEGAN_IN, workflow.info().run_id, type_hint=str)
    return began
