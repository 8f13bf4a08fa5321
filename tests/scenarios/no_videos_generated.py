"""NoVideosGenerated: every row of its causes table, two causes at once, and where it must not act."""

from __future__ import annotations

from functools import partial

from demo.faults.fault import OBSERVED
from tests.parts.scenarios.scenario import Scenario
from tests.workflows.videos.rows import ROWS

__all__ = ["ROWS", "SCENARIOS"]

_row = partial(Scenario, runbook="NoVideosGenerated", stack=OBSERVED)

SCENARIOS: tuple[Scenario, ...] = ()
