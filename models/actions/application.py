"""Actions on what the application does by itself: its schedules, and the sync of its products."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk
from models.text import shorten

OUR_NOTE = "runbooks: "
"""So begins the note of a pause that an incident made."""


class SyncProducts(Change):
    """Ask the application to sync its products, unless they were synced since they were looked at."""

    risk = Risk.SAFE
    uses = ("api",)
    kind: Literal["sync-products"] = "sync-products"
    asked_with: dict[str, str | bool | int] = {}
    """What is sent with it, such as the size of the batch."""
    last_sync: datetime | None = None
    """The last sync as it was seen; None for never."""

    @property
    def sent(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in self.asked_with.items())

    @property
    def says(self) -> str:
        return f"sync the products of {self.service.name}{f' with {self.sent}' if self.sent else ''}"

    @property
    def changes(self) -> str:
        return "products are fetched anew from where they come from, which counts against its rate limit"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        fewer = allowed.service.api.smaller_sync if allowed.service.api else {}
        if self.asked_with and self.asked_with != fewer:
            yield "what is sent with the sync is not `api.smaller_sync`"


class UnpauseSchedule(Change):
    """Let a paused schedule run again. A schedule that was paused anew meanwhile stays so."""

    risk = Risk.SAFE
    uses = ()
    kind: Literal["unpause-schedule"] = "unpause-schedule"
    schedule: str
    note: str = ""
    """The note of the pause, as it was seen."""

    @property
    def says(self) -> str:
        return f"unpause the schedule {self.schedule} of {self.service.name}"

    @property
    def changes(self) -> str:
        noted = f" (it was paused with the note: {self.note})" if self.note else ""
        return f"{self.schedule} starts its workflows again at its times{noted}"

    @property
    def undo(self) -> str:
        return f"pause {self.schedule} again"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        yield from _unknown(self.schedule, allowed)


class PauseSchedule(Change):
    """Keep a schedule from starting workflows. What runs already goes on."""

    risk = Risk.GUARDED
    uses = ("temporal",)
    kind: Literal["pause-schedule"] = "pause-schedule"
    schedule: str
    because: str
    """Why, for the note of the schedule: people read it there."""

    @property
    def note(self) -> str:
        return shorten(f"{OUR_NOTE}{self.because}", 300)

    @property
    def says(self) -> str:
        return f"pause the schedule {self.schedule} of {self.service.name}"

    @property
    def changes(self) -> str:
        return f"{self.schedule} starts nothing any more until it is unpaused; what runs goes on"

    @property
    def undo(self) -> str:
        return f"unpause {self.schedule}"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        yield from _unknown(self.schedule, allowed)


class TriggerSchedule(Change):
    """Have a schedule start its workflow now, unless it started one since it was looked at."""

    risk = Risk.SAFE
    uses = ("temporal",)
    kind: Literal["trigger-schedule"] = "trigger-schedule"
    schedule: str
    started: int
    """How many workflows it had started when it was looked at."""

    @property
    def says(self) -> str:
        return f"trigger the schedule {self.schedule} of {self.service.name}"

    @property
    def changes(self) -> str:
        return f"the workflow of {self.schedule} runs once more, now"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        yield from _unknown(self.schedule, allowed)


def _unknown(schedule: str, allowed: Allowed) -> Iterator[str]:
    if allowed.service.temporal is None or schedule not in allowed.service.temporal.schedules:
        yield f"{schedule} is not one of `temporal.schedules` of this service"
