"""What a person reads on a terminal of 80 or 40 columns, and what a pipe gets: nothing is cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.parts.product.commands import Person
from tests.parts.product.intake import TemporalServer, environment, until
from tests.parts.terminal.terminal import at_a_terminal

ALERT = "DatabaseConnectionFailureOfTheReadReplicas"
INCIDENT = f"{ALERT}/backend"


@pytest.fixture(scope="module")
async def variables(temporal: TemporalServer, client: Client, config: Path) -> dict[str, str]:
    variables = environment(temporal.address, RUNBOOKS_CONFIG=str(config))
    fired = await Person(variables).types("fire", ALERT, "--service", "backend")
    assert fired.code == 0, fired.err

    async def listed() -> bool:
        return INCIDENT in (await Person(variables).types("list")).out

    await until(listed)
    return variables


async def on_a_terminal(columns: int, variables: dict[str, str], *words: str) -> str:
    """What is shown, as the command wrote it, without colours."""
    async with at_a_terminal(variables, *words, size=(columns, 50)) as terminal:
        assert await terminal.ended() == 0, terminal.written
        return re.sub(r"\x1b\[[0-9;]*m", "", terminal.written.replace("\r\n", "\n"))


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("words", [("list",), ("show", INCIDENT)], ids=["list", "show"])
async def test_ids_are_whole_and_texts_are_wrapped(
    variables: dict[str, str], words: tuple[str, ...], columns: int
) -> None:
    shown = await on_a_terminal(columns, variables, *words)
    assert INCIDENT in shown
    assert "…" not in shown
    for line in shown.splitlines():
        assert len(line) <= columns or len(line.split()) == 1, line


async def test_the_plan_is_whole_on_40_columns(variables: dict[str, str]) -> None:
    words = " ".join((await on_a_terminal(40, variables, "show", INCIDENT)).split())
    piped = (await Person(variables).types("show", INCIDENT)).out
    plan = next(line for line in piped.splitlines() if line.startswith("   changes: "))
    assert " ".join(plan.split()) in words


async def test_a_pipe_gets_each_line_whole(variables: dict[str, str]) -> None:
    (line,) = [
        line for line in (await Person(variables).types("list")).out.splitlines() if line.startswith(INCIDENT)
    ]
    assert line.endswith("AnyAlert")
