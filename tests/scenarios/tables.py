"""All tables, one a runbook. A new runbook brings its own file and one line here."""

from __future__ import annotations

from tests.scenarios import database_connection_failure, high_error_rate, service_down
from tests.scenarios.scenario import Scenario

_ROWS: tuple[Scenario, ...] = (
    *service_down.SCENARIOS,
    *high_error_rate.SCENARIOS,
    *database_connection_failure.SCENARIOS,
)

SCENARIOS = tuple(sorted(_ROWS, key=lambda row: row.stack))
"""By stack, so that each is started once."""
