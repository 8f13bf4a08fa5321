"""What who pressed a button on Slack is told of what came of it, where that is not a plain answer."""

from __future__ import annotations

import asyncio

from models.incident.incident import IncidentState
from models.people.said import Word
from runtime.errors import Trouble
from runtime.incidents import Incidents

_LOOKS = 5
"""A second apart: a worker that is busy answers a little later."""
MISTAKE = (
    "A mistake of the intake: nobody knows yet whether it counted. Look at the incident before you press "
    "again, or use the command line."
)


def went_wrong(trouble: Trouble) -> str:
    """Whether nothing was done is said only where that is certain."""
    said = str(trouble)
    return f"{said[:1].upper()}{said[1:]}." if trouble.may_count else f"Nothing was done: {said}."


async def acknowledged(incidents: Incidents, incident: str, by: str) -> str:
    """What the incident made of an acknowledgement that it was sent."""
    for again in range(_LOOKS):
        if again:
            await asyncio.sleep(1)  # between looks that are counted
        try:
            state = await incidents.state(incident)
        except Trouble:
            break
        if said := _heard(state, by):
            return said
    return f"Sent; it does not show yet that it counted: look at {incident}."


def _heard(state: IncidentState, by: str) -> str:
    """Empty while it is not heard."""
    counts = f"You have {state.id}: acknowledged as {by}."
    for one in reversed(state.timeline):
        if one.said and one.said.word is Word.ACKNOWLEDGE:
            if one.said.refused:
                return f"It did not count: {one.said.refused}."
            if one.by == by:
                return counts
    return counts if state.acknowledged_by == by else ""
