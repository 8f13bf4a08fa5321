"""Incidents for the store, without a Temporal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from models.incident.alert import Alert
from models.incident.incident import Entry, IncidentState, Outcome, Phase, Through
from models.incident.review import Review
from models.names import Severity
from runtime.incidents import IncidentLine
from runtime.store.facts import ending, facts_of, status_of
from runtime.store.store import Growth

BEGAN = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


def entry(second: int, text: str, by: str = "") -> Entry:
    through = Through.INTAKE if by else Through.PRODUCT
    return Entry(at=BEGAN + timedelta(seconds=second), text=text, by=by or "runbook", through=through)


def state_of(*texts: str, phase: Phase = Phase.ACTING, service: str = "backend") -> IncidentState:
    alert = Alert(name="ServiceDown", service=service, starts_at=BEGAN, annotations={"summary": "it is gone"})
    return IncidentState(
        id=alert.incident_id,
        alert=alert,
        runbook="ServiceDown",
        severity=Severity.CRITICAL,
        phase=phase,
        summary=f"{service} is down",
        timeline=tuple(entry(place, text) for place, text in enumerate(texts)),
    )


def line_of(state: IncidentState, run_id: str = "run-1", began: datetime = BEGAN) -> IncidentLine:
    closed = state.phase is Phase.CLOSED
    return IncidentLine(
        id=state.id,
        run_id=run_id,
        runbook=state.runbook,
        alert=state.alert.name,
        service=state.alert.service,
        severity=state.severity.value,
        phase=state.phase.value,
        open=not closed,
        ended="completed" if closed else "",
        started_at=began,
        closed_at=began + timedelta(minutes=5) if closed else None,
    )


def review_of(
    state: IncidentState, run_id: str = "run-1", cause: str = "crash", began: datetime = BEGAN
) -> Review:
    return Review(
        summary=f"{state.alert.service} crashed and was restarted", outcome=Outcome.RESOLVED, cause=cause,
        incident=state.id, run_id=run_id, runbook=state.runbook, alert=state.alert, severity=state.severity,
        timeline=state.timeline, began_at=began, detected_after=timedelta(), responded_after=None,
        resolved_after=timedelta(minutes=4), respond_within=timedelta(minutes=5),
    )  # fmt: skip


def growth_of(
    state: IncidentState,
    seen: int = 10,
    run_id: str = "run-1",
    review: Review | None = None,
    began: datetime = BEGAN,
) -> Growth:
    """As it is collected from Temporal."""
    line = line_of(state, run_id, began)
    facts = [*facts_of(line, state, review), status_of(state, began, run_id)]
    facts += [*ending(line, review)] if not line.open else []
    return Growth(run_id, line, facts, seen)
