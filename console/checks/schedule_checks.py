"""What `doctor` says of the schedules of the checks: whether Temporal has each, and when it runs next."""

from __future__ import annotations

from temporalio.client import Client

from console.checks.scheduled import ScheduleLine, Schedules
from models.configuration.configuration import Configuration
from models.examined import Check
from runtime.errors import Trouble
from runtime.schedules import somebody_elses
from workflows.checks.schedules import schedules


async def check_schedules_of_checks(client: Client, configuration: Configuration) -> list[Check]:
    """One for each check that is enabled. Without its schedule a check never runs, and incidents do."""
    enabled = {row.check for row in schedules(configuration) if row.enabled}
    try:
        lines = await Schedules(client).list()
    except Trouble as trouble:
        cure = "see Temporal above"
        return [Check(name="schedules of the checks", ok=False, problem=str(trouble), cure=cure)]
    return [judged(line) for line in lines if line.check in enabled]


def judged(line: ScheduleLine) -> Check:
    """One that is as configured tells its next time in its name."""
    name = f"schedule {line.id}"
    if not line.exists:
        problem, cure = "Temporal does not have it", "create it: python starter.py schedules apply"
    elif not line.ours:
        problem, cure = somebody_elses(line.id), ""
    elif line.paused:
        by = line.note or "no note tells by whom and why"
        problem = f"it is paused ({by}); {_next(line)}, if the pause ends"
        cure = f"end the pause: python starter.py schedules resume {line.check.value}"
    elif line.next_at is None:
        problem, cure = (
            "it has no next time",
            "correct its day or time, and run python starter.py schedules apply",
        )
    else:
        return Check(name=f"{name} ({_next(line)})", ok=True)
    return Check(name=name, ok=False, problem=problem, cure=cure, optional=True)


def _next(line: ScheduleLine) -> str:
    return f"next: {line.next_at:%Y-%m-%d %H:%M} UTC" if line.next_at else "no next time"
