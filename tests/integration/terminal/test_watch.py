"""`watch` at a real terminal and in a pipe, of a real incident: until its review is written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.live.watch import Nobody, until_closed
from runtime.incidents import Incidents
from runtime.run_info import Current
from tests.parts.product.commands import Person
from tests.parts.product.intake import CONFIGURATION, environment
from tests.parts.scenarios.real_time import in_real_time
from tests.parts.terminal.terminal import at_a_terminal
from tests.workflows.harness import Harness
from tests.workflows.scenes import deployed, failing

INCIDENT = "HighErrorRate/backend"
INCIDENT_ANEW = "ServiceDown/backend"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    async with in_real_time() as harness:
        yield harness


@pytest.fixture
def variables(harness: Harness, tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION)
    server = harness.env.client.service_client.config.target_host
    variables = environment(server, RUNBOOKS_CONFIG=str(config))
    del variables["NO_COLOR"]
    return variables


async def test_from_the_question_to_the_review(harness: Harness, variables: dict[str, str]) -> None:
    await deployed(failing())(harness)
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until(handle, "awaiting approval")
    piped = asyncio.create_task(Person(variables).types("watch", INCIDENT))
    dumb, no_color = {**variables, "TERM": "dumb"}, {**variables, "NO_COLOR": "1"}
    async with (
        at_a_terminal(variables, "watch", INCIDENT) as wide,
        at_a_terminal(variables, "watch", INCIDENT, size=(60, 24)) as narrow,
        at_a_terminal(dumb, "watch", INCIDENT) as plain,
        at_a_terminal(no_color, "watch", INCIDENT) as uncoloured,
    ):
        await wide.until(f"python starter.py approve {INCIDENT}")
        await narrow.until("Your decision is needed")
        await plain.until(f"{INCIDENT} asks")
        assert (await Person(variables).types("approve", INCIDENT, "--yes")).code == 0
        await harness.end(handle)
        review = (await harness.state(handle)).review
        assert review
        for terminal in (wide, narrow, plain, uncoloured):
            assert await terminal.ended() == 0, terminal.written
        for terminal in (wide, narrow):
            titles = [line for line in terminal.shows if line.startswith(f"{INCIDENT}  ")]
            assert titles == [f"{INCIDENT}  closed"], "it is redrawn in place"
            assert not any("Your decision is needed" in line for line in terminal.shows)
            assert any(line.startswith("outcome      resolved") for line in terminal.shows)
            assert COLOUR.search(terminal.written)
            assert terminal.written.rindex("\x1b[?25h") > terminal.written.rindex("\x1b[?25l")
        assert f"review       {review}" in wide.shows
        assert max(map(len, narrow.shows)) <= 60
        assert "\x1b" not in plain.written
    lines = (await piped).out.splitlines()
    assert lines[-2:] == ["outcome: resolved", f"review: {review}"]
    assert "phase: closed" in lines
    for terminal in (plain, uncoloured):
        assert f"review: {review}" in terminal.shows, "it is told line by line, as to a pipe"


async def test_an_alert_that_fires_anew_is_another_incident(
    harness: Harness, variables: dict[str, str]
) -> None:
    harness.world.hold("write_review")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "closed")
    async with at_a_terminal({**variables, "TERM": "dumb"}, "watch", INCIDENT_ANEW) as terminal:
        await terminal.until("phase: closed")
        harness.world.hold("probe_health")
        await handle.signal("alert_changed", await harness.alert())
        harness.world.let_go("write_review")
        assert await terminal.ended() == 0
    harness.world.let_go("probe_health")
    assert "phase: triage" not in terminal.written


class EndsAfterTheLook(Incidents):
    """The review is written, and the run ends, between the look at its state and the one whether it runs."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness.env.client)
        self._harness = harness

    async def current(self, incident: str) -> Current:
        self._harness.world.let_go("write_review")
        await self._harness.end(self._harness.incident(incident))
        return await super().current(incident)


async def test_the_review_of_a_run_that_ends_after_the_look_is_seen(harness: Harness) -> None:
    harness.world.hold("write_review")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "closed")
    state = await until_closed(EndsAfterTheLook(harness), INCIDENT_ANEW, Nobody())
    assert state.review
    assert state == await harness.state(handle)


async def test_ctrl_c_leaves_the_terminal_as_it_was(harness: Harness, variables: dict[str, str]) -> None:
    await harness.fire(await harness.alert("HighErrorRate"))
    for given in (variables, {**variables, "TERM": "dumb"}):
        async with at_a_terminal(given, "watch", INCIDENT) as terminal:
            await terminal.until("HighErrorRate")
            terminal.types("\x03")
            assert await terminal.ended() == 130
        assert "Traceback" not in terminal.written
        assert "Abort" not in terminal.written
        shown, hidden = (terminal.written.rfind(f"\x1b[?25{kind}") for kind in "hl")
        assert shown >= hidden, "the cursor is back"
