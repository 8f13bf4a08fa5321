"""ServiceDown: every row of its causes table."""

from __future__ import annotations

from functools import partial

from tests.scenarios.scenario import Scenario

_row = partial(Scenario, runbook="ServiceDown")

SCENARIOS = (
    _row(
        name="crash",
        cause="crash",
        faults=("crash",),
        action=("start-service",),
    ),
    _row(
        name="hung",
        cause="hung",
        faults=("hang",),
        action=("restart-service",),
    ),
)
