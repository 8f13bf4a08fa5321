"""How the suite is shared out among the workers of pytest-xdist (`pytest -n 4`).

A worker takes whole files, so that what a file starts for itself is started once. The scenarios are
one file that would keep one worker busy long after the others: a worker takes those of one runbook on one
stack. What runs around an observed backend keeps a core busy, so only a few of those run at a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SCENARIOS = "tests/scenarios/test_scenarios.py"
OBSERVED = f"{SCENARIOS}[observed"
OBSERVED_AT_ONCE = 2
LONGEST_FIRST = (
    f"{OBSERVED}:MemoryKeepsGrowing",
    OBSERVED,
    SCENARIOS,
    "tests/e2e/",
    "tests/integration/demo/",
    "tests/integration/",
    "tests/workflows/runbooks/test_causes.py",
    "tests/workflows/remediation/test_cancelled_for_real.py",
    "tests/workflows/",
    "tests/replay/",
    "tests/simulation/",
    "tests/unit/redaction/",
    "tests/unit/architecture/",
)
"""So that no worker begins the longest part when all the others are done. What is not named comes last."""


ALONE = "pytest.mark.alone"
"""As a file has it that has such tests."""


class SharedOut(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each part of the suite to the next worker that is free, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Other work comes first while enough workers have an observed stack, as long as there is any."""
        others = (parts for worker, parts in self.assigned_work.items() if worker is not node)
        if sum(self._observes(parts) for parts in others) >= OBSERVED_AT_ONCE:
            first = next((part for part in self.workqueue if not part.startswith(OBSERVED)), None)
            if first:
                self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)

    def _observes(self, parts: dict[str, dict[str, bool]]) -> bool:
        return any(part.startswith(OBSERVED) and not all(done.values()) for part, done in parts.items())


def part_of(nodeid: str) -> str:
    """The part of the suite that a test belongs to: its file, or a scenario's stack and runbook."""
    file, _, test = nodeid.partition("::")
    if file != SCENARIOS:
        return file
    stack, _, scenario = test.partition("[")[2].partition(":")
    return f"{file}[{stack}:{scenario.partition('-')[0]}]"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedOut:
    """Instead of the schedulers that `--dist` knows."""
    return SharedOut(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of hundreds of files only the few are read that have a test which runs alone, where no others run."""
    if not wants_only_those_alone(config.option.markexpr) or not collection_path.match("test_*.py"):
        return None
    return None if ALONE in collection_path.read_text() else True


def wants_only_those_alone(expression: str) -> bool:
    """Whether `-m` asks for them, and maybe for more at the same time."""
    *others, last = expression.split() or [""]
    return last == "alone" and others[-1:] in ([], ["and"]) and not {"or", "not"} & set(others)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest parts first, where workers share them. The text of a file says whether one runs alone."""
    for item in items:
        if item.get_closest_marker("alone") and ALONE not in item.path.read_text():
            raise pytest.UsageError(f"{item.nodeid} runs alone: {item.path.name} itself must say {ALONE}")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(part_of(item.nodeid)))


def _place(part: str) -> int:
    places = (place for place, start in enumerate(LONGEST_FIRST) if part.startswith(start))
    return next(places, len(LONGEST_FIRST))
