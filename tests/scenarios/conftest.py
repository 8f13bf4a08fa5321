"""One stage for all scenarios, and the report at the end of the session."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.parts.scenarios.lines import Line
from tests.parts.scenarios.scenario import Scenario
from tests.parts.scenarios.stage import Stage

LINE = "scenario"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Everything that it started is ended with the last scenario."""
    async with AsyncExitStack() as parts:
        yield Stage(tmp_path_factory.mktemp("s"), parts)


@pytest.fixture
def line(request: pytest.FixtureRequest, scenario: Scenario) -> Iterator[Line]:
    """Where a scenario writes what became of it. Its report brings it here, also from another process."""
    line = Line(scenario)
    yield line
    request.node.user_properties.append((LINE, str(line)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line each on the terminal, and in `$CI_OUTPUT/scenarios.txt`."""
    reports = (report for found in terminalreporter.stats.values() for report in found)
    properties = (one for report in reports for one in getattr(report, "user_properties", ()))
    told = sorted({line for name, line in properties if name == LINE})
    if not told:
        return
    terminalreporter.section("scenarios")
    for line in told:
        terminalreporter.write_line(line)
    if directory := os.environ.get("CI_OUTPUT"):
        Path(directory).mkdir(parents=True, exist_ok=True)
        Path(directory, "scenarios.txt").write_text("\n".join(told) + "\n")
