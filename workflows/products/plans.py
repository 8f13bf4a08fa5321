"""The fixes of a sync that fails: it is asked for, its schedule is unpaused, the application recreated."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.application import SyncProducts, UnpauseSchedule
    from models.actions.kinds import Action
    from models.actions.plan import Plan
    from models.actions.surroundings import RecreateService
    from workflows.diagnosis.situation import Situation
    from workflows.products.failures import SyncFailure, loop, sync_failure


def _sync(now: Situation, asked_with: Mapping[str, str | bool | int] | None = None) -> SyncProducts:
    return SyncProducts(
        service=now.service, asked_with=dict(asked_with or {}), last_sync=now[looks.last_sync].at
    )


def _plan(now: Situation, *steps: Action) -> Plan:
    failure = sync_failure(now)
    told = (failure.says, _of_the_pause(now, failure)) if failure else (now.trouble,)
    return Plan(steps=steps, why="; ".join(one for one in told if one))


def _of_the_pause(now: Situation, failure: SyncFailure) -> str:
    """Which came first, the failure or the pause; empty where its schedule runs."""
    schedule, clock = loop(now), "%Y-%m-%d %H:%M:%S UTC"
    if not schedule.paused:
        return ""
    seen_at = now[looks.schedules].observed_at
    if not (failure.at and schedule.paused_at) or failure.at == seen_at:
        return f"{schedule.name} is paused as well, and whether before or after that failure is not known"
    first, then = (f"that failed at {failure.at:{clock}}", f"was paused at {schedule.paused_at:{clock}}")
    order = "before" if schedule.paused_at < failure.at else "after"
    return f"{first}, and {schedule.name} {then}, {order} it"


def _unpause(now: Situation) -> tuple[Action, ...]:
    schedule = loop(now)
    if not schedule.paused:
        return ()
    return (UnpauseSchedule(service=now.service, schedule=schedule.name, note=schedule.note),)


def _unpause_unmeant(now: Situation) -> tuple[Action, ...]:
    return () if loop(now).on_purpose else _unpause(now)


def unpause_and_sync(now: Situation) -> Plan:
    """Whoever paused it: a person is asked first."""
    return _plan(now, *_unpause(now), _sync(now))


def sync(now: Situation) -> Plan:
    """A pause that nobody meant is ended as well."""
    return _plan(now, *_unpause_unmeant(now), _sync(now))


def sync_fewer(now: Situation) -> Plan:
    """The same by fewer products, where the configuration says how."""
    fewer = now.service.api.smaller_sync if now.service.api else {}
    return _plan(now, *_unpause_unmeant(now), _sync(now, fewer))


def recreate(now: Situation) -> Plan:
    """So that the backend takes what a person wrote into its env file."""
    step = RecreateService(service=now.service, settings=now[looks.unread_settings].settings)
    return Plan(steps=(step,), why="its credentials were renewed")
