"""Reviews for the tests of lessons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from models.actions.plan import Plan
from models.actions.service import RestartService
from models.incident.alert import Alert
from models.incident.incident import Entry, EvidenceLine, Outcome, Performed, Through
from models.incident.review import Review
from models.names import Severity
from models.service.service import DockerManager, Service

NOW = datetime.now(UTC).replace(microsecond=0)
BACKEND = Service(name="backend", manager=DockerManager(container="backend"))
RESTART = Plan(steps=(RestartService(service=BACKEND),), why="it hangs")


def review(
    cause: str, ago: timedelta = timedelta(days=3), runbook: str = "ServiceDown", **more: Any
) -> Review:
    """One that began so long ago."""
    began = NOW - ago
    alert = Alert(name=more.pop("alert", runbook), service="backend", starts_at=began)
    fields: dict[str, Any] = {
        "summary": "",
        "outcome": Outcome.RESOLVED,
        "cause": cause,
        "incident": alert.incident_id,
        "run_id": f"{began:%d%H%M%S}",
        "runbook": runbook,
        "alert": alert,
        "severity": Severity.CRITICAL,
        "began_at": began,
        "detected_after": timedelta(),
        "responded_after": None,
        "resolved_after": timedelta(minutes=10),
        "respond_within": timedelta(minutes=5),
    }
    return Review(**(fields | more))


def evidence(**found: str) -> tuple[EvidenceLine, ...]:
    """`process="bad: it exited"`."""
    parted = {name: said.partition(": ") for name, said in found.items()}
    return tuple(
        EvidenceLine(name=name, finding=finding, reason=reason)
        for name, (finding, _, reason) in parted.items()
    )


def performed(*, done: bool = True) -> Performed:
    at = NOW - timedelta(days=3)
    return Performed(
        plan=RESTART, approved_by="ada", done=done, found="it runs", started_at=at, finished_at=at
    )


def entry(minutes: int, text: str, by: str = "") -> Entry:
    """A line of the timeline; of a person where one is named."""
    through = Through.INTAKE if by else Through.PRODUCT
    at = NOW - timedelta(days=3) + timedelta(minutes=minutes)
    return Entry(at=at, text=text, by=by or "runbook", through=through)
