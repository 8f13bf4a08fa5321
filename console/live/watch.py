"""`watch`: follows one incident, redrawn in place on a terminal, line by line elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import typer
from rich.live import Live

from console.incident_view import entry_line, question
from console.live.view import ending, frame
from console.output import AsJson, OpenId, as_json, can_redraw, out, run, safe
from console.shell.examples import examples
from models.incident.incident import IncidentState, Phase, what_matters_first
from runtime.connection import connect
from runtime.errors import NobodyAnswers
from runtime.incidents import Incidents, parse_id

app = typer.Typer()
QUERY_EVERY = timedelta(seconds=1)
MOST_UNANSWERED = 30
"""Failed queries in a row before `watch` gives up; a worker that is replaced misses a few."""


@app.command(epilog=examples("watch ServiceDown/backend"))
def watch(incident: OpenId, json: AsJson = False) -> None:
    """Follow one incident until it closes. With --json, print its final state."""

    async def work() -> None:
        name = parse_id(incident)
        incidents = Incidents(await connect())
        if json:
            as_json(await until_closed(incidents, name, Nobody()))
        elif can_redraw():
            with _picture() as picture:
                await until_closed(incidents, name, picture)
        else:
            await until_closed(incidents, name, _Lines())

    run(work())


class Follower(Protocol):
    def sees(self, state: IncidentState) -> None:
        """The incident as it stands now."""

    def hears_nothing(self, why: str) -> None:
        """No worker answered this time."""


class Nobody:
    """Waits for the end, and shows nothing before it."""

    def sees(self, state: IncidentState) -> None: ...

    def hears_nothing(self, why: str) -> None: ...


class _Picture:
    """Redraws the incident in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._state: IncidentState | None = None
        self._drawn: object = None

    def sees(self, state: IncidentState) -> None:
        self._state = state
        self._draw("")

    def hears_nothing(self, why: str) -> None:
        self._draw(f"{why} It is asked again.")

    def _draw(self, trouble: str) -> None:
        """Only what differs from what stands there is written: an unchanged picture stays untouched."""
        if self._state is None:
            return
        shown = frame(self._state, datetime.now(UTC), out, trouble)
        lines = out.render_lines(shown, pad=False), out.size
        if lines != self._drawn:
            self._drawn = lines
            self._live.update(shown, refresh=True)


@contextmanager
def _picture() -> Iterator[_Picture]:
    with Live(console=out, auto_refresh=False) as live:
        yield _Picture(live)


class _Lines:
    """Prints each line of a timeline, each finding and each open question once, for a pipe or a log."""

    def __init__(self) -> None:
        self._printed = 0
        self._introduced = False
        self._found: set[tuple[str, str]] = set()
        self._asked: tuple[str, ...] = ()
        self._phase: Phase | None = None
        self._ending: list[tuple[str, str]] = []

    def sees(self, state: IncidentState) -> None:
        if not self._introduced:
            self._introduced = True
            for text in state.alert.words.values():
                out.print(f"the alert says: {safe(text)}")
        for entry in state.timeline[self._printed :]:
            out.print(entry_line(entry))
        self._printed = len(state.timeline)
        if state.phase is not self._phase:
            self._phase = state.phase
            out.print(f"phase: {state.phase.value}")
        for one in what_matters_first(state.evidence):
            if (one.name, one.finding) not in self._found:
                self._found.add((one.name, one.finding))
                out.print(f"found: {safe(f'{one.name}: {one.finding}, {one.reason}')}")
        self._ask(state)
        for name, value in ending(state) if state.phase is Phase.CLOSED else ():
            if (name, value) not in self._ending:
                self._ending.append((name, value))
                out.print(f"{name}: {safe(value)}")

    def _ask(self, state: IncidentState) -> None:
        asked = state.awaiting.digests if state.awaiting else ()
        if state.awaiting and asked != self._asked and state.phase is not Phase.CLOSED:
            out.print(question(state.id, state.awaiting))
        self._asked = asked

    def hears_nothing(self, why: str) -> None: ...


async def until_closed(incidents: Incidents, name: str, follower: Follower) -> IncidentState:
    """Query every second; tolerates a worker that is being replaced. The review is written after the
    incident closed, as the last that its run does: what was seen before the run ended may lack it."""
    unanswered, closed, over = 0, None, False
    while True:
        try:
            state = await incidents.state(name)
        except NobodyAnswers as error:
            unanswered += 1
            if unanswered >= MOST_UNANSWERED:
                raise
            follower.hears_nothing(str(error))
        else:
            unanswered = 0
            if closed and state.phase is not Phase.CLOSED:
                return closed  # its alert fired anew meanwhile: this is the next incident
            follower.sees(state)
            closed = state if state.phase is Phase.CLOSED else None
            if closed and (closed.review or over):
                return closed
            if closed and not (await incidents.current(name)).runs:
                over = True
                continue
        await asyncio.sleep(QUERY_EVERY.total_seconds())
