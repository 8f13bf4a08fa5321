"""The runs of one incident that Temporal still has, newest first; and which of them a person means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from temporalio.client import Client, WorkflowExecution

from models.messages import BEGAN_IN
from runtime.connection import PATIENCE
from runtime.errors import NoSuchIncident, in_time
from runtime.incidents import ANSWER_WITHIN, ENDS_OF_INCIDENTS, IncidentLine, line_of

MOST_RUNS = 1000
FEWEST_CHARACTERS = 6
"""Of a run's ID: a shorter text of digits is a number."""


class PastRun(NamedTuple):
    """The last run of one firing, which may have taken several; and the one in which it began."""

    line: IncidentLine
    began_in: str


async def runs_of(client: Client, incident: str) -> tuple[PastRun, ...]:
    """Every firing of an incident, the newest first. Raises TemporalAway."""
    query = f"WorkflowId = '{incident}' AND {ENDS_OF_INCIDENTS}"
    async with in_time(ANSWER_WITHIN):
        found = client.list_workflows(query, limit=MOST_RUNS, rpc_timeout=PATIENCE)
        runs = [PastRun(line_of(one), await _began_in(one)) async for one in found]
    return tuple(sorted(runs, key=lambda run: run.line.started_at, reverse=True))


async def _began_in(execution: WorkflowExecution) -> str:
    return str(await execution.memo_value(BEGAN_IN, execution.run_id))


def chosen(which: str, run_ids: Sequence[str], incident: str) -> int:
    """The place among these runs, newest first, of 1 for the newest, 2 for the one before, or of a
    run's ID, or its last characters; without any the newest. Raises NoSuchIncident."""
    which = which.strip().lower()
    if len(which) < FEWEST_CHARACTERS:
        if which and not (which.isdecimal() and int(which)):
            raise NoSuchIncident(
                f"--run {which}: write 1 for the newest run, 2 for the one before, or its ID"
            )
        place = int(which or 1) - 1
        if place < len(run_ids):
            return place
        has = f"{incident} has {len(run_ids)} of them" if run_ids else f"there is none of {incident}"
        raise NoSuchIncident(f"there is no run {place + 1}: {has}")
    places = [place for place, one in enumerate(run_ids) if one.lower().endswith(which)]
    if len(places) != 1:
        raise NoSuchIncident(f"--run {which}: {len(places)} runs of {incident} end so")
    return places[0]
