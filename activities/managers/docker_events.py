"""What the engine remembers of a container: who stopped it, what the kernel killed, when it died.

The engine keeps its last 256 events, of all containers together, and none from before its own start.
What it does not remember is untold, and neither a stop nor a crash.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.managers.process_seen import Ended

KINDS = ("start", "kill", "oom", "die", "stop", "destroy")
POLITE = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
ASKED_WITHIN = timedelta(minutes=2)
"""A signal that asks a process to end explains an end within this time, and none later."""
KILLED_WITHIN = timedelta(seconds=3)
"""Between the word of the kernel and the end of the very process that it killed."""
DEATHS = 20
_NO_EVENTS = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What reading raises where no engine has written."""


@dataclass(frozen=True)
class Event:
    """One event of one container. `signal` is that of a kill."""

    action: str
    at: datetime
    signal: int = 0

    @property
    def asks_to_end(self) -> bool:
        return self.action == "stop" or (self.action == "kill" and self.signal != signal.SIGKILL)


@dataclass(frozen=True)
class Told:
    """What the events say about the latest run."""

    ended: Ended = Ended.UNTOLD
    oom_killed: bool = False
    oom_killed_before: bool = False
    asked_to_end_at: datetime | None = None
    deaths: tuple[datetime, ...] = ()


def read(content: bytes | None) -> tuple[Event, ...]:
    """The engine's events, one JSON document a line, oldest first; none where it could not be asked."""
    try:
        return tuple(_event(json.loads(line)) for line in (content or b"").splitlines() if line.strip())
    except _NO_EVENTS:
        return ()


def _event(told: dict[str, Any]) -> Event:
    at = datetime.fromtimestamp(told["timeNano"] / 1e9, UTC)
    number = told.get("Actor", {}).get("Attributes", {}).get("signal", "")
    return Event(told["Action"], at, int(number) if str(number).isdecimal() else 0)


def told_of(
    events: Iterable[Event], started_at: datetime, exit_code: int | None, stop_signal: int = signal.SIGTERM
) -> Told:
    """What became of the run that began then. `exit_code` is None while it runs.

    Other signals than those that end a process, such as SIGHUP for a reload, explain nothing.
    """
    asks = {*POLITE, stop_signal}
    every = [one for one in events if one.action != "kill" or one.signal in {*asks, signal.SIGKILL}]
    run = [one for one in every if one.at >= started_at]
    deaths = _deaths(every)
    asked = [one.at for one in run if one.asks_to_end]
    ooms = [one.at for one in run if one.action == "oom"]
    died = next((one.at for one in reversed(run) if one.action == "die"), None)
    if died is None:
        return Told(oom_killed_before=bool(ooms), asked_to_end_at=asked[-1] if asked else None, deaths=deaths)
    killed = any(one.action == "kill" for one in run if abs(died - one.at) < ASKED_WITHIN)
    by_kernel = exit_code == 128 + signal.SIGKILL and any(abs(died - at) <= KILLED_WITHIN for at in ooms)
    stopped = any(died - at < ASKED_WITHIN for at in asked)
    ended = Ended.STOPPED if stopped else Ended.KILLED if killed else Ended.BY_ITSELF
    main = by_kernel and ended is Ended.BY_ITSELF
    return Told(ended, oom_killed=main, oom_killed_before=bool(ooms) and not main, deaths=deaths)


def _deaths(events: Iterable[Event]) -> tuple[datetime, ...]:
    """When it ended without having been asked to, the newest last."""
    found: list[datetime] = []
    asked: datetime | None = None
    for one in events:
        if one.action == "start":
            asked = None
        elif one.action == "kill" and one.asks_to_end:
            asked = one.at
        elif one.action == "die" and not (asked and one.at - asked < ASKED_WITHIN):
            found.append(one.at)
    return tuple(found[-DEATHS:])


def removed_at(events: Iterable[Event]) -> datetime | None:
    """When a container of this name was last removed."""
    return next((one.at for one in reversed(list(events)) if one.action == "destroy"), None)
