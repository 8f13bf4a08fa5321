"""The changes: start, restart, raise the memory limit, kill, roll back, scale out.

Each looks first and does nothing when it finds itself done since it was asked for, acts once, and
looks again: what is reported is what was seen, not what was answered. So an effect may be asked
for again after its answer was lost, and still happens once.

What is final is raised, never to be retried: `ManagerUnreachable` (nothing was done), `Unsupported`
(with what to do instead) and `OutcomeLost` (it was asked for, and then nobody could be asked
whether it happened: `look_back` later).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.heartbeats import beating_in_thread
from activities.killing import kill
from activities.managers import ManagerRefused, Managers, ManagerUnreachable, ServiceManager, Unsupported
from activities.managers.command import run
from activities.outcomes import Outcome, look
from models.action import (
    Action,
    Effect,
    KillProcess,
    LookBack,
    Perform,
    RaiseMemoryLimit,
    RestartService,
    RollBack,
    ScaleOut,
    StartService,
)
from models.base import in_bytes

SETTLES_WITHIN = 20.0
"""Seconds in which a change that the manager has taken, or may have taken, must show."""

_LOOK_EVERY = 0.25
_SAME_START = timedelta(milliseconds=100)
"""The kernel counts a start from boot: two readings of one start differ by less than this."""


class EffectActivities:
    """Changes services through their managers. A cancellation never cuts an effect in two."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn(no_thread_cancel_exception=True)
    def start_service(self, request: Perform[StartService]) -> Effect:
        """Start what stands still; done already if it runs."""
        return self._once(request.action, request.asked_at, lambda manager: manager.start())

    @activity.defn(no_thread_cancel_exception=True)
    def restart_service(self, request: Perform[RestartService]) -> Effect:
        """Restart, if it was started before it was asked for."""
        return self._once(request.action, request.asked_at, lambda manager: manager.restart())

    @activity.defn(no_thread_cancel_exception=True)
    def raise_memory_limit(self, request: Perform[RaiseMemoryLimit]) -> Effect:
        """Set the limit, if it is still the one that the plan saw, and within the configured cap."""
        action = request.action

        def act(manager: ServiceManager) -> None:
            cap = action.service.memory.cap
            if action.to_bytes > max(cap, action.from_bytes):
                raise Unsupported(f"{in_bytes(action.to_bytes)} is more than the cap of {in_bytes(cap)}")
            limit = manager.state().memory_limit or 0
            if limit != action.from_bytes:
                raise ManagerRefused(
                    f"the limit is not {in_bytes(action.from_bytes)}, as when this was planned"
                )
            manager.set_memory_limit(action.to_bytes)

        return self._once(action, request.asked_at, act)

    @activity.defn(no_thread_cancel_exception=True)
    def kill_process(self, request: Perform[KillProcess]) -> Effect:
        """End the very process that was seen on the port; see `activities.killing`."""
        return self._once(request.action, request.asked_at, lambda _: kill(request.action))

    @activity.defn(no_thread_cancel_exception=True)
    def roll_back(self, request: Perform[RollBack]) -> Effect:
        """Run the earlier image, or the configured script: once, in bounded time."""
        action = request.action
        if action.script is not None:
            return self._run_script(request)

        def act(manager: ServiceManager) -> None:
            if action.to_version is None:
                raise Unsupported("neither a version nor a rollback script is known: configure one")
            manager.roll_back(action.to_version)

        return self._once(action, request.asked_at, act)

    @activity.defn(no_thread_cancel_exception=True)
    def scale_out(self, request: Perform[ScaleOut]) -> Effect:
        """Run more replicas, at most as many as the configuration allows."""
        action = request.action

        def act(manager: ServiceManager) -> None:
            most = action.service.scale.max_replicas
            if action.to_replicas > max(most, action.from_replicas):
                raise Unsupported(f"{action.to_replicas} replicas are more than the {most} that are allowed")
            manager.scale(action.to_replicas)

        return self._once(action, request.asked_at, act)

    @activity.defn
    def look_back(self, request: LookBack) -> Effect:
        """Whether an action whose outcome was lost has happened since. Changes nothing.

        It waits up to `SETTLES_WITHIN` for what is still under way. A manager that cannot be
        asked is an error to be retried: the outcome is there to be seen later.
        """
        manager = self._managers.of(request.action.service)
        try:
            after = _settled(manager, request.action, request.asked_at)
        except ManagerUnreachable as error:
            raise ApplicationError(str(error), type="ManagerUnreachable") from error
        except (ManagerRefused, Unsupported) as error:
            return _effect(False, str(error))
        return _effect(after.happened, after.found, after=after.state)

    def _once(self, action: Action, asked_at: datetime, act: Callable[[ServiceManager], None]) -> Effect:
        manager = self._managers.of(action.service)
        with beating_in_thread(), _final():
            before = look(manager, action, asked_at)
            if before.happened:
                return _effect(True, f"nothing to do: {before.found}", before.state, before.state)
            why = ""
            try:
                act(manager)
            except ManagerRefused as error:
                after = look(manager, action, asked_at)
                found = after.found if after.happened else str(error)
                return _effect(after.happened, found, before.state, after.state)
            except ManagerUnreachable as error:
                why = f" ({error})"  # it may have happened all the same
            # Beside the one seen before any start is new, whatever the clocks of two machines say.
            since = min(asked_at, before.started_at + _SAME_START) if before.started_at else asked_at
            after = self._after(manager, action, since)
            return _effect(after.happened, after.found + why, before.state, after.state)

    @staticmethod
    def _after(manager: ServiceManager, action: Action, since: datetime) -> Outcome:
        try:
            return _settled(manager, action, since)
        except ManagerUnreachable as error:
            raise ApplicationError(
                f"asked to {action.says}, but then it could not be seen whether it happened: {error}",
                type="OutcomeLost",
                non_retryable=True,
            ) from error

    def _run_script(self, request: Perform[RollBack]) -> Effect:
        action, script = request.action, request.action.script
        assert script is not None  # noqa: S101
        manager = self._managers.of(action.service)
        with beating_in_thread(), _final():
            before = manager.state()
            if before.image != action.from_version:
                gone = f"nothing to do: it runs {before.image}, and no longer {action.from_version}"
                return _effect(True, gone, before.image, before.image)
            try:
                done = run(script.command, timeout=script.timeout, directory=script.directory)
            except ManagerRefused as error:
                return _effect(False, str(error), before.image)
            after = look(manager, action, request.asked_at)
            if done.status != 0:
                failed = f"the rollback script failed with status {done.status}: {done.last_words}"
                return _effect(False, failed, before.image, after.state)
            return _effect(True, f"the rollback script succeeded; {after.found}", before.image, after.state)


def _settled(manager: ServiceManager, action: Action, since: datetime) -> Outcome:
    """Look until it has happened since then, or until it no longer will."""
    until = time.monotonic() + SETTLES_WITHIN
    while True:
        over = time.monotonic() >= until
        try:
            now = look(manager, action, since)
        except ManagerUnreachable:
            if over:
                raise
        else:
            if now.happened or over:
                return now
        time.sleep(_LOOK_EVERY)


def _effect(done: bool, found: str, before: str = "", after: str = "") -> Effect:
    return Effect(done=done, found=found, at=datetime.now(UTC), before=before, after=after)


@contextmanager
def _final() -> Iterator[None]:
    """Errors of managers as the workflow knows them."""
    try:
        yield
    except (ManagerUnreachable, ManagerRefused, Unsupported) as error:
        raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from None
