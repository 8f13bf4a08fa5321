"""Whether an action has happened, told by looking at the service and never by an answer.

Every effect looks before it acts and again afterwards, and a lost outcome is looked back at by the
same question: an action is done because it shows, however it came about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psutil

from activities.managers import ServiceManager, Unsupported
from activities.managers.host_processes import identity_of
from activities.managers.process_seen import ProcessSeen
from activities.service.ports import listeners
from models.actions.database import RestartDatabase
from models.actions.kinds import Action
from models.actions.service import (
    KillProcess,
    RaiseMemoryLimit,
    RestartService,
    RollBack,
    ScaleOut,
    StartService,
)
from models.actions.surroundings import RecreateService
from models.base import in_bytes

SAME_START = timedelta(milliseconds=100)
"""The kernel counts a start from boot: two readings of one start differ by less than this."""


@dataclass(frozen=True)
class Outcome:
    """Whether it has happened, the sentence that says so, and the state of what the action changes."""

    happened: bool
    found: str
    state: str
    started_at: datetime | None = None


def look(manager: ServiceManager, action: Action, asked_at: datetime) -> Outcome:
    """One look for one action. Raises a `ManagerError` when it cannot be told."""
    match action:
        case StartService():
            return _started(manager.state(), asked_at)
        case RestartService() | RestartDatabase() | RecreateService():
            return _restarted(manager.state(), asked_at)
        case RaiseMemoryLimit():
            limit = manager.state().memory_limit or 0
            state = in_bytes(limit) if limit else "no memory limit"
            return Outcome(limit == action.to_bytes, f"its memory limit is {state}", state)
        case KillProcess():
            return _killed(action)
        case RollBack():
            return _rolled_back(manager.state(), action, asked_at)
        case ScaleOut():
            return _scaled(manager.replicas(), action)
    raise Unsupported(f"{action.kind} is not an action of a service manager")


class Looking:
    """Looks for one action again and again. After the first look a newer start than the one seen
    there counts as new, whatever the clocks of two machines say.
    """

    def __init__(self, manager: ServiceManager, action: Action, asked_at: datetime) -> None:
        self._manager, self._action = manager, action
        self._since = asked_at
        self._looked = False

    def __call__(self) -> Outcome:
        outcome = look(self._manager, self._action, self._since)
        if not self._looked and outcome.started_at:
            self._since = min(self._since, outcome.started_at + SAME_START)
        self._looked = True
        return outcome


def _since(seen: ProcessSeen, asked_at: datetime) -> bool:
    return seen.started_at is not None and seen.started_at > asked_at


def _started(seen: ProcessSeen, asked_at: datetime) -> Outcome:
    if seen.running or not _since(seen, asked_at):
        return Outcome(seen.running, f"it is {seen.reason}", seen.reason, seen.started_at)
    return Outcome(
        True, f"it was started, but is not running now: {seen.reason}", seen.reason, seen.started_at
    )


def _restarted(seen: ProcessSeen, asked_at: datetime) -> Outcome:
    if not _since(seen, asked_at):
        return Outcome(False, f"it was not restarted: {seen.reason}", seen.reason, seen.started_at)
    found = f"started at {seen.started_at:%H:%M:%S}, after it was asked for"
    if not seen.running:
        found += f", but is not running now: {seen.reason}"
    return Outcome(True, found, seen.reason, seen.started_at)


def _rolled_back(seen: ProcessSeen, action: RollBack, asked_at: datetime) -> Outcome:
    if action.target is not None:
        happened = seen.version.same(action.target)
        state = seen.version.beside(action.leaves if happened else action.target) or seen.reason
        wanted = action.target.beside(action.leaves)
        found = f"it runs {state}" if happened else f"it does not run {wanted} but {state}"
        return Outcome(happened, found, state, seen.started_at)
    # What a script changes is not known here: another image or a new start is its trace.
    changed = bool(seen.image) and not seen.version.same(action.leaves)
    happened = changed or _since(seen, asked_at)
    state = seen.image or seen.reason
    found = f"it {'changed' if happened else 'did not change'} since: {seen.reason}"
    return Outcome(happened, found, state, seen.started_at)


def _scaled(running: int, action: ScaleOut) -> Outcome:
    more = action.to_replicas >= action.from_replicas
    happened = running >= action.to_replicas if more else running <= action.to_replicas
    return Outcome(happened, f"{running} of {action.to_replicas} replicas run", f"{running} replicas")


def _killed(action: KillProcess) -> Outcome:
    name = f"process {action.pid} ({action.process})"
    holds_port = action.pid in listeners(action.port)
    if not lives(action) and not holds_port:
        return Outcome(True, f"{name} is gone", f"{name} is gone")
    state = f"{name} listens on port {action.port}" if holds_port else f"{name} runs"
    return Outcome(False, f"{name} still runs", state)


def lives(action: KillProcess) -> bool:
    """Whether the very process that was seen still runs, and not another one under its number.

    One that this user may not look at counts as the one that was seen: nothing is taken for done.
    """
    try:
        if psutil.Process(action.pid).status() == psutil.STATUS_ZOMBIE:
            return False
        return action.identity is None or identity_of(action.pid) == action.identity
    except psutil.NoSuchProcess:
        return False
    except PermissionError:
        return True
