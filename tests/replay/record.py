"""Records the histories that are missing: `python -m tests.replay.record`.

A history that exists is never written again: it stands for the runs that were open when it was
recorded, and today's code must replay it. Delete one only with the workflow type itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle

from tests.replay.scenarios import SCENARIOS, Scenario
from tests.workflows.harness import open_harness

HISTORIES = Path(__file__).parent / "histories"
PROJECT = Path(__file__).parents[2]


async def record(scenarios: Iterable[Scenario], directory: Path) -> list[Path]:
    """Play what has no history yet, each in a harness of its own; the files that are new."""
    written: list[Path] = []
    for scenario in scenarios:
        if not recorded(scenario, directory):
            async with open_harness() as harness:
                runs = [await _history(handle) for handle in await scenario.play(harness)]
            written += [_keep(*run, scenario, directory) for run in runs]
    return written


def recorded(scenario: Scenario, directory: Path) -> list[Path]:
    """The histories of one scenario: one file a run, named by the scenario and the workflow type."""
    return sorted(directory.glob(f"{scenario.name}.*.json"))


async def _history(handle: WorkflowHandle[Any, Any]) -> tuple[str, str]:
    """The workflow type of a run, and its history as JSON."""
    seen = await handle.describe()
    history = await handle.fetch_history()
    return seen.workflow_type, json.dumps(_cleaned(json.loads(history.to_json())), separators=(",", ":"))


def _keep(workflow_type: str, text: str, scenario: Scenario, directory: Path) -> Path:
    """Write one run's history. Raises FileExistsError instead of writing over another."""
    if str(PROJECT) in text:
        raise ValueError(f"the history of {scenario.name} names a path of this machine")
    number = len(list(directory.glob(f"{scenario.name}.{workflow_type}*.json")))
    path = directory / f"{scenario.name}.{workflow_type}{number + 1 if number else ''}.json"
    with path.open("x", encoding="utf-8") as file:
        file.write(text + "\n")
    return path


def _cleaned(value: Any) -> Any:
    """Without stack traces: they name the files of this machine, and no replay reads them."""
    if isinstance(value, dict):
        return {key: _cleaned(inner) for key, inner in value.items() if key != "stackTrace"}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def main() -> int:
    HISTORIES.mkdir(exist_ok=True)
    written = asyncio.run(record(SCENARIOS, HISTORIES))
    for path in written:
        print(path.name)
    print(f"{len(written)} histories are new; none was written again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
