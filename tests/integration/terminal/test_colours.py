"""Colours are for a terminal, and not where they are unwanted: of every command that reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.parts.product.commands import Person
from tests.parts.product.intake import TemporalServer, environment, until
from tests.parts.terminal.terminal import at_a_terminal

INCIDENT = "Coloured/backend"
COLOUR = re.compile(r"\x1b\[[0-9;]*(?<![0-9])(3[0-9]|4[0-9]|9[0-7]|10[0-7])[0-9;]*m")
READS = (
    ("list",),
    ("show", INCIDENT),
    ("status",),
    ("doctor",),
    ("approve", "--help"),
    ("no-such-command",),
)


@pytest.fixture(scope="module")
async def variables(temporal: TemporalServer, client: Client, config: Path) -> dict[str, str]:
    variables = environment(temporal.address, RUNBOOKS_CONFIG=str(config))
    assert (await Person(variables).types("fire", "Coloured", "--service", "backend")).code == 0

    async def listed() -> bool:
        return INCIDENT in (await Person(variables).types("list")).out

    await until(listed)
    del variables["NO_COLOR"]
    return variables


@pytest.mark.parametrize("words", READS, ids=" ".join)
async def test_a_pipe_gets_text_alone(variables: dict[str, str], words: tuple[str, ...]) -> None:
    ended = await Person({**variables, "TERM": "xterm-256color"}).types(*words)
    assert ended.out or ended.err
    assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize("words", READS, ids=" ".join)
async def test_no_color_is_heard(variables: dict[str, str], words: tuple[str, ...]) -> None:
    async with at_a_terminal({**variables, "NO_COLOR": "1"}, *words) as terminal:
        await terminal.ended()
    assert terminal.written
    assert not COLOUR.search(terminal.written)


async def test_a_terminal_gets_them(variables: dict[str, str]) -> None:
    async with at_a_terminal(variables, "list") as terminal:
        await terminal.ended()
    assert COLOUR.search(terminal.written)
