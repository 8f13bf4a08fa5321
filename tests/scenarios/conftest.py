"""One stage a session, and the report at its end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.parts.scenarios.lines import Line
from tests.parts.scenarios.stage import Stage

LINES = pytest.StashKey[list[Line]]()


@pytest.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Everything that it started is ended with the session."""
    async with AsyncExitStack() as parts:
        yield Stage(tmp_path_factory.mktemp("s"), parts)


@pytest.fixture(scope="session")
def lines(pytestconfig: pytest.Config) -> list[Line]:
    """Where scenarios write what became of them."""
    return pytestconfig.stash.setdefault(LINES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line each on the terminal, and in `$CI_OUTPUT/scenarios.txt`."""
    told = sorted(str(line) for line in config.stash.get(LINES, []))
    if not told:
        return
    terminalreporter.section("scenarios")
    for line in told:
        terminalreporter.write_line(line)
    if directory := os.environ.get("CI_OUTPUT"):
        Path(directory).mkdir(parents=True, exist_ok=True)
        Path(directory, "scenarios.txt").write_text("\n".join(told) + "\n")
