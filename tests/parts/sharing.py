"""How the suite is shared out among the workers of pytest-xdist (`pytest -n 4`).

A worker takes whole files, so that what a file starts for itself is started once. The scenarios are
one file that would keep one worker busy long after the others: a worker takes those of a whole stack.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = (
    "tests/scenarios/test_scenarios.py",
    "tests/e2e/",
    "tests/integration/demo/",
    "tests/integration/",
    "tests/workflows/",
)
"""So that no worker begins the longest part when all the others are done. What is not named comes last."""


class SharedOut(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each part of the suite to the next worker that is free, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)


def part_of(nodeid: str) -> str:
    """The part of the suite that a test belongs to: its file, or its stack in that file."""
    file, _, test = nodeid.partition("::")
    _, _, parameters = test.partition("[")
    stack, colon, _ = parameters.partition(":")
    return f"{file}[{stack}]" if colon else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedOut:
    """Instead of the schedulers that `--dist` knows."""
    return SharedOut(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest parts first, where there are workers to share them."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    places = (place for place, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start))
    return next(places, len(LONGEST_FIRST))
