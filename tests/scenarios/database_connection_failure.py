"""DatabaseConnectionFailure: every row of its causes table."""

from __future__ import annotations

from tests.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = ()
