"""Which workflows of the application were started around a moment."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from pydantic import Field
from temporalio import activity

from activities.app.temporal import TemporalAway, connected, in_query, link_to_query
from activities.support.redaction import clean
from models.base import Duration, Model
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest

BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=1)


class StartedAround(ServiceRequest):
    """What was started shortly before a moment, or just after it."""

    at: datetime
    within: Duration = timedelta(seconds=5)
    newest: int = Field(default=200, ge=1, le=1000)


class StartedThen(Model):
    """One workflow type, how many of it were started, and the newest of them."""

    type: str
    count: int
    workflow_id: str


class StartedSeen(Evidence):
    """Never `bad`: a start is no fault. The most frequent type first."""

    types: tuple[StartedThen, ...] = ()
    link: str = ""


class StartedAroundActivities:
    """Connects for each look."""

    @activity.defn
    async def started_around(self, request: StartedAround) -> StartedSeen:
        """Starts by type. Never raises for its trouble."""
        temporal, now = request.service.temporal, datetime.now(UTC)
        if temporal is None:
            reason = f"no Temporal is configured for {request.service.name}"
            return StartedSeen(reason=reason, observed_at=now)
        begin, end = in_query(request.at - BEFORE), in_query(request.at + AFTER)
        query = f"StartTime >= {begin} AND StartTime <= {end}"
        try:
            async with connected(temporal, request.within) as client:
                found = [one async for one in client.list_workflows(query, limit=request.newest)]
        except TemporalAway as away:
            return StartedSeen(reason=str(away), observed_at=now)
        newest = {one.workflow_type: one for one in reversed(found)}
        types = tuple(
            StartedThen(type=clean(name, 120), count=count, workflow_id=clean(newest[name].id, 200))
            for name, count in Counter(one.workflow_type for one in found).most_common(10)
        )
        named = ", ".join(f"{one.type} ({one.count}, {one.workflow_id})" for one in types[:3])
        return StartedSeen(
            finding=Finding.OK,
            reason=f"started then: {named}" if named else "no workflow was started then",
            observed_at=now,
            types=types,
            link=link_to_query(temporal, query),
        )
