"""A dry run: what is told of it, and whether a person did what it would have done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.managers.process_seen import ProcessSeen
    from models.actions.change import Change
    from models.actions.database import RestartDatabase
    from models.actions.service import RaiseMemoryLimit, RestartService, RollBack, StartService
    from models.actions.surroundings import RecreateService
    from models.incident.incident import Performed
    from models.incident.policy import Policy
    from models.service.service import Service
    from workflows.diagnosis.situation import Situation
    from workflows.record.record import Record


def why_a_person(why: str, record: Record) -> str:
    """Why a person is called, where what should have helped was only recorded."""
    return f"nothing was done, this is a dry run: {why}" if record.only_recorded else why


async def done_by_a_person(record: Record, policy: Policy) -> str:
    """What shows that somebody did what was recorded; empty where nothing shows it.

    Only what a process tells of itself can be seen: that it was started again, with how much memory, and
    in which version.
    """
    for performed in (one for one in record.performed if one.dry_run):
        service = performed.plan.service
        steps = [one for one in performed.plan.steps if not one.optional]
        if all(type(one) in _SEEN_BY for one in steps):
            seen = await looks.process.take(Situation(record.seen, policy, service))
            if all(_SEEN_BY[type(one)](one, seen, performed) for one in steps):
                return _says(service, seen)
    return ""


def _says(service: Service, seen: ProcessSeen) -> str:
    at = f" at {seen.started_at:%H:%M:%S} UTC" if seen.started_at else ""
    return f"somebody started {service.name}{at}, as it would have been"


def _started(_: Change, seen: ProcessSeen, performed: Performed) -> bool:
    """Since then, and not by its manager after a crash."""
    again = seen.started_at is not None and seen.started_at > performed.started_at
    return seen.running and again and not seen.restarts


def _has_more_memory(action: Any, seen: ProcessSeen, _: Performed) -> bool:
    return seen.memory_limit is None or seen.memory_limit >= action.to_bytes


def _went_back(action: Any, seen: ProcessSeen, performed: Performed) -> bool:
    left = seen.image != action.from_version or (bool(seen.image_id) and seen.image_id != action.from_image)
    return left and _started(action, seen, performed)


_SEEN_BY: Mapping[type[Change], Callable[[Any, ProcessSeen, Performed], bool]] = {
    StartService: _started,
    RestartService: _started,
    RestartDatabase: _started,
    RecreateService: _started,
    RaiseMemoryLimit: _has_more_memory,
    RollBack: _went_back,
}
