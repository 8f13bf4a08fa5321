"""The fixes of a sync that fails: it is asked for, its schedule is unpaused, the application recreated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.application import SyncProducts, UnpauseSchedule
    from models.actions.kinds import Action
    from models.actions.plan import Plan
    from models.actions.surroundings import RecreateService
    from models.base import in_words
    from workflows.diagnosis.situation import Situation
    from workflows.products.failures import SyncFailure, loop, sync_failure

_CLOCK = "%Y-%m-%d %H:%M:%S UTC"


def _sync(now: Situation, asked_with: Mapping[str, str | bool | int] | None = None) -> SyncProducts:
    return SyncProducts(
        service=now.service, asked_with=dict(asked_with or {}), last_sync=now[looks.last_sync].at
    )


def _plan(now: Situation, *steps: Action) -> Plan:
    failure = sync_failure(now)
    told = (_last_synced(now), *_of_the_failure(now, failure)) if failure else (now.trouble,)
    return Plan(steps=steps, why="; ".join(one for one in (*told, *_why_it_may(now, steps)) if one))


def _last_synced(now: Situation) -> str:
    at = now[looks.last_sync].at
    return f"the products were last synced at {at:{_CLOCK}}" if at else ""


def _of_the_failure(now: Situation, failure: SyncFailure) -> Iterator[str]:
    """What kept them from being synced since, in the order in which it came."""
    yield failure.says
    yield _of_the_pause(now, failure)
    if failure.at and failure.retry_after:
        yield f"it asked for no call until {failure.at + failure.retry_after:{_CLOCK}}"


def _why_it_may(now: Situation, steps: Sequence[Action]) -> Iterator[str]:
    """Why a pause of somebody is ended, and why just so many are asked for."""
    temporal = now.service.temporal
    if temporal and any(isinstance(one, UnpauseSchedule) for one in steps) and not loop(now).on_purpose:
        yield (
            "its pause is ended because nothing speaks for somebody's intention: it has no note that gives a "
            f"reason, was paused longer ago than `paused_recently` ({in_words(temporal.paused_recently)}) as "
            "far as is known, and no incident paused it"
        )
    for one in steps:
        if isinstance(one, SyncProducts) and one.asked_with:
            yield f"{one.sent} is what the configuration (`smaller_sync`) asks with after a rate limit"


def _of_the_pause(now: Situation, failure: SyncFailure) -> str:
    """Which came first, the failure or the pause; empty where its schedule runs."""
    schedule, clock = loop(now), _CLOCK
    if not schedule.paused:
        return ""
    seen_at = now[looks.schedules].observed_at
    if not (failure.at and schedule.paused_at) or failure.at == seen_at:
        return f"{schedule.name} is paused as well, and whether before or after that failure is not known"
    first, then = (f"that failed at {failure.at:{clock}}", f"was paused at {schedule.paused_at:{clock}}")
    order = "before" if schedule.paused_at < failure.at else "after"
    return f"{first}, and {schedule.name} {then}, {order} it, since when it starts no sync"


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
