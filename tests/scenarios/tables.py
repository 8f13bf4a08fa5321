"""What each runbook brings to be tested by: one file a runbook, named as its workflow's.

SCENARIOS  played against real systems, on the stack that each names
ROWS       played against a scripted world, on a server that skips time
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from tests.parts.scenarios.scenario import Scenario
from tests.workflows.rows import Row
from workflows.incident.runbook import Runbook
from workflows.runbooks.classes import RUNBOOKS


def _file_of(runbook: type[Runbook]) -> ModuleType:
    """`tests/scenarios/service_down.py` for `workflows/runbooks/service_down.py`."""
    return import_module(f"tests.scenarios.{runbook.__module__.rpartition('.')[2]}")


_FILES = {runbook.__name__: _file_of(runbook) for runbook in RUNBOOKS}
_SCENARIOS: list[Scenario] = [scenario for file in _FILES.values() for scenario in file.SCENARIOS]

SCENARIOS = tuple(sorted(_SCENARIOS, key=lambda scenario: scenario.stack))
"""By stack, so that each is started once."""
ROWS: dict[str, Sequence[Row]] = {name: file.ROWS for name, file in _FILES.items()}
"""By workflow type."""
