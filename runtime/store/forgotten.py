"""What the store still knows of incidents that Temporal has forgotten, by their names."""

from __future__ import annotations

from models.incident.incident import IncidentState
from models.incident.review import Review
from runtime.errors import NoReview
from runtime.incidents import IncidentLine, Which
from runtime.past.runs import chosen
from runtime.store.database import Database, StoreEmpty
from runtime.store.reading import Search, Stored, StoredIncidents


async def with_forgotten(
    database: Database, lines: tuple[IncidentLine, ...], which: Which, most: int
) -> tuple[IncidentLine, ...]:
    """These closed incidents of Temporal, and those that only the store knows. Raises StoreAway."""
    search = Search(since=which.since, service=which.service, cause=which.cause, closed=True)
    try:
        found = await StoredIncidents(database).find(search, most)
    except StoreEmpty:
        return lines
    known = {line.run_id for line in lines}
    more = [one.line for one in found.rows if one.line.run_id not in known]
    newest = sorted((*lines, *more), key=lambda line: line.closed_at or line.started_at, reverse=True)
    return tuple(newest[:most])


async def forgotten_state(database: Database, incident: str, which: str) -> IncidentState:
    """Raises NoSuchIncident where the store has none, and StoreAway."""
    return await StoredIncidents(database).state(await _firing(database, incident, which))


async def forgotten_review(database: Database, incident: str, which: str) -> Review:
    """Raises NoSuchIncident and NoReview where the store has none, and StoreAway."""
    one = await _firing(database, incident, which)
    review = await StoredIncidents(database).review(one.began_in)
    if review is None:
        raise NoReview(f"{incident}, run {one.line.run_id}, ended without a review ({one.line.ended})")
    return review


async def _firing(database: Database, incident: str, which: str) -> Stored:
    firings = await StoredIncidents(database).firings(incident)
    return firings[chosen(which, [one.line.run_id for one in firings], incident)]
