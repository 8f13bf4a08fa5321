"""AnyAlert: an alert without a runbook of its own. People are told, and nothing is touched."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.parts.scenarios.scenario import Scenario
from tests.workflows.rows import Row

SCENARIOS = (
    Scenario(
        name="people are told what its service looks like",
        runbook="AnyAlert",
        cause="",
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("no runbook knows this alert",),
        evidence={"health": "healthy", "process": "running"},
    ),
)

ROWS: tuple[Row, ...] = ()
"""It has no causes table."""
