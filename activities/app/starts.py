"""Which workflows of the application are started far more often than usual: a loop costs money."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from pydantic import Field
from temporalio import activity
from temporalio.client import Client, WorkflowExecution

from activities.app.temporal import (
    TemporalAway,
    can_be_queried,
    connected,
    in_query,
    link_to_query,
    link_to_run,
    started_by,
)
from activities.support.redaction import clean
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.surroundings import AppTemporal

MOST_TYPES = 10


class WorkflowStarts(ServiceRequest):
    """How often workflows of the application are started, against the day before."""

    within: Duration = timedelta(seconds=8)
    newest: int = Field(default=500, ge=1, le=1000)
    """How many are read to find the types; each type is then counted exactly."""


class StartedType(Model):
    """One workflow type: its starts in the window, the usual number of them, and the newest one."""

    type: str
    starts: int
    usual: float | None = None
    """In a window of this length in the day before, or at this time of that day, if there were more then;
    None when nothing at all was started in it: then nobody knows."""
    too_many: bool = False
    workflow_id: str = ""
    """The workflow ID that was started most often of this type."""
    run_id: str = ""
    runs: int = 0
    """How often that ID was: a loop by `continue_as_new`, cron or retry has one ID."""
    schedule: str = ""
    """The schedule that started most of them; empty where none did."""
    link: str = ""


class StartsSeen(Evidence):
    """`bad` when a type is started far more often than usual."""

    window: timedelta = timedelta(hours=1)
    types: tuple[StartedType, ...] = ()
    link: str = ""

    @property
    def frequent(self) -> tuple[StartedType, ...]:
        """Those that are started far more often than usual."""
        return tuple(one for one in self.types if one.too_many)


class StartActivities:
    """Connects for each look."""

    @activity.defn
    async def workflow_starts(self, request: WorkflowStarts) -> StartsSeen:
        """Starts by type, the most frequent first. Never raises for its trouble."""
        temporal, now = request.service.temporal, datetime.now(UTC)
        if temporal is None:
            reason = f"no Temporal is configured for {request.service.name}"
            return StartsSeen(reason=reason, observed_at=now)
        query = f"StartTime >= {in_query(now - temporal.starts_window)}"
        try:
            async with connected(temporal, request.within) as client:
                newest = [one async for one in client.list_workflows(query, limit=request.newest)]
                names = Counter(one.workflow_type for one in newest if can_be_queried(one.workflow_type))
                counting = (
                    _counted(client, temporal, now, [one for one in newest if one.workflow_type == name])
                    for name, _ in names.most_common(MOST_TYPES)
                )
                types = tuple(await asyncio.gather(*counting))
        except TemporalAway as away:
            return StartsSeen(reason=str(away), observed_at=now, window=temporal.starts_window)
        seen = StartsSeen(
            finding=Finding.OK,
            reason=_in_words(types, temporal),
            observed_at=now,
            window=temporal.starts_window,
            types=tuple(sorted(types, key=lambda one: (-one.starts, one.type))),
            link=link_to_query(temporal, query),
        )
        return seen.model_copy(update={"finding": Finding.BAD}) if seen.frequent else seen


async def _counted(
    client: Client, temporal: AppTemporal, now: datetime, newest: list[WorkflowExecution]
) -> StartedType:
    """One type, counted exactly in the window and in the day before it."""
    name, window, before = newest[0].workflow_type, temporal.starts_window, temporal.starts_before
    start, at_that_time = now - window, now - before

    async def count(since: datetime, until: datetime, of: str = f"WorkflowType = '{name}' AND ") -> int:
        between = f"StartTime >= {in_query(since)} AND StartTime < {in_query(until)}"
        return (await client.count_workflows(f"{of}{between}")).count

    starts, earlier, at_this_time, any_earlier = await asyncio.gather(
        count(start, now),
        count(start - before, start),
        count(at_that_time - 1.5 * window, at_that_time + 0.5 * window),
        count(start - before, start, of=""),
    )
    # What is done once a day is usual at that time.
    usual = max(earlier * (window / before), float(at_this_time)) if any_earlier else None
    ids = Counter(one.id for one in newest)
    (busiest, runs), *_ = ids.most_common(1)
    one = next(one for one in newest if one.id == busiest)
    many = starts >= temporal.starts_floor
    return StartedType(
        type=clean(name, 120),
        starts=starts,
        usual=usual,
        too_many=many and usual is not None and starts > usual * temporal.starts_factor,
        workflow_id=clean(busiest, 200),
        run_id=one.run_id,
        runs=runs,
        schedule=Counter(started_by(one) for one in newest).most_common(1)[0][0],
        link=link_to_run(temporal, one.id, one.run_id),
    )


def _in_words(types: tuple[StartedType, ...], temporal: AppTemporal) -> str:
    window = in_words(temporal.starts_window)
    if not types:
        return f"no workflow was started in the last {window}"
    frequent = sorted((one for one in types if one.too_many), key=lambda one: -one.starts)
    if not frequent:
        named = ", ".join(f"{one.type} ({one.starts})" for one in sorted(types, key=lambda t: -t.starts)[:3])
        return f"workflows started in the last {window}: {named}"
    named = ", ".join(f"{one.type} ({one.starts}, usually {one.usual or 0:.1f})" for one in frequent[:3])
    looping = frequent[0]
    loops = f"; {looping.runs} of them are runs of {looping.workflow_id}" if looping.runs > 1 else ""
    return f"started far more often than usual in the last {window}: {named}{loops}"
