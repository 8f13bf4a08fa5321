"""Waiting for another incident: joined when it is open, started when it is not.

Two runs never work on one fault, and the one that waits goes on with whatever the other left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.incidents.stewardship import StewardshipActivities
    from models.incident.joining import Ended, EndOf, Join, Joined
    from workflows.record.timeline import Timeline

JOINING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
LONGEST = timedelta(days=30)


async def heal_first(join: Join, timeline: Timeline, unless: Callable[[], bool]) -> Ended | None:
    """How the other incident ended; None when `unless` became true first."""
    joined: Joined = await workflow.execute_activity_method(
        StewardshipActivities.join_incident,
        join,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=JOINING,
        summary=f"join or start {join.alert.incident_id}",
    )
    verb = "joined" if joined.was_open else "started"
    timeline.add(f"{verb} {joined.incident}, and waits for its end")
    ending = workflow.start_activity_method(
        StewardshipActivities.await_incident,
        EndOf(incident=joined.incident, run_id=joined.run_id),
        start_to_close_timeout=LONGEST,
        heartbeat_timeout=timedelta(seconds=30),
        retry_policy=JOINING,
        summary=f"wait for {joined.incident}",
    )
    otherwise = asyncio.create_task(workflow.wait_condition(unless))
    await workflow.wait([ending, otherwise], return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        return None
    otherwise.cancel()
    ended: Ended = ending.result()
    timeline.add(f"{ended.incident} ended: {ended.summary}")
    return ended
