"""The changes: start, restart, raise the memory limit, kill, roll back, scale out.

Each looks first and does nothing when it finds itself done since it was asked for, acts once, and
looks again: what is reported is what was seen, not what was answered. So an effect may be asked
for again after its answer was lost, and still happens once.

What is final is raised, never to be retried: `ManagerUnreachable` (nothing was done), `Unsupported`
(with what to do instead) and `OutcomeLost` (it was asked for, and then nobody could be asked
whether it happened: `look_back` later).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import activity

from activities.managers import ManagerRefused, Managers, ServiceManager, Unsupported
from activities.service.kill import kill
from activities.service.outcomes import Looking, look
from activities.service.rollback_script import ScriptRun
from activities.service.run_once import SETTLES_WITHIN, looked_back, once
from models.actions.change import ActionResult, Perform
from models.actions.database import RestartDatabase
from models.actions.kinds import Action
from models.actions.plan import LookBack
from models.actions.service import (
    KillProcess,
    RaiseMemoryLimit,
    RestartService,
    RollBack,
    ScaleOut,
    StartService,
)
from models.base import in_bytes


class ActionActivities:
    """Changes services through their managers. A cancellation never cuts an effect in two."""

    def __init__(self, managers: Managers, settles_within: timedelta = SETTLES_WITHIN) -> None:
        self._managers = managers
        self._settles_within = settles_within

    @activity.defn(no_thread_cancel_exception=True)
    def start_service(self, request: Perform[StartService]) -> ActionResult:
        """Start what stands still; done already if it runs."""
        return self._once(request.action, request.asked_at, lambda manager: manager.start())

    @activity.defn(no_thread_cancel_exception=True)
    def restart_service(self, request: Perform[RestartService]) -> ActionResult:
        """Restart, if it was started before it was asked for."""
        return self._once(request.action, request.asked_at, lambda manager: manager.restart())

    @activity.defn(no_thread_cancel_exception=True)
    def restart_database(self, request: Perform[RestartDatabase]) -> ActionResult:
        """Restart a database as any other service; it is an action of its own for its risk."""
        return self._once(request.action, request.asked_at, lambda manager: manager.restart())

    @activity.defn(no_thread_cancel_exception=True)
    def raise_memory_limit(self, request: Perform[RaiseMemoryLimit]) -> ActionResult:
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
    def kill_process(self, request: Perform[KillProcess]) -> ActionResult:
        """End the very process that was seen on the port; see `activities.service.kill`."""
        return self._once(request.action, request.asked_at, lambda _: kill(request.action))

    @activity.defn(no_thread_cancel_exception=True)
    def roll_back(self, request: Perform[RollBack]) -> ActionResult:
        """Run the earlier image, or the configured script: once, in bounded time."""
        action = request.action
        if action.script is not None:
            script = ScriptRun(self._managers.of(action.service), action, action.script)
            return once(action.says, script.look, script.act)

        def act(manager: ServiceManager) -> None:
            if action.target is None:
                raise Unsupported("neither a version nor a rollback script is known: configure one")
            manager.roll_back(action.target)

        return self._once(action, request.asked_at, act)

    @activity.defn(no_thread_cancel_exception=True)
    def scale_out(self, request: Perform[ScaleOut]) -> ActionResult:
        """Run more replicas, at most as many as the configuration allows."""
        action = request.action

        def act(manager: ServiceManager) -> None:
            most = action.service.scale.max_replicas
            if action.to_replicas > max(most, action.from_replicas):
                raise Unsupported(f"{action.to_replicas} replicas are more than the {most} that are allowed")
            manager.scale(action.to_replicas)

        return self._once(action, request.asked_at, act)

    @activity.defn
    def look_back(self, request: LookBack) -> ActionResult:
        """Whether an action whose outcome was lost has happened since. Changes nothing.

        It waits for what is still under way. A manager that cannot be asked is an error to be
        retried: the outcome is there to be seen later.
        """
        manager = self._managers.of(request.action.service)
        return looked_back(
            lambda: look(manager, request.action, request.asked_at), within=self._settles_within
        )

    def _once(
        self, action: Action, asked_at: datetime, act: Callable[[ServiceManager], None]
    ) -> ActionResult:
        manager = self._managers.of(action.service)
        return once(
            action.says,
            Looking(manager, action, asked_at),
            lambda: act(manager),
            within=self._settles_within,
        )
