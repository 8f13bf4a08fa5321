"""`kill -9` of the worker in the middle of its work: done once, and resumed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.support.stability import Samples
from demo.faults import FAULTS
from demo.parts.waiting import until
from demo.systems.services import BACKEND
from demo.webhook import Firing
from models.evidence.evidence import VerificationResult
from models.incident.incident import Outcome
from tests.e2e.engine import Events, container_of
from tests.parts.product.pipeline import Pipeline, Run

STABLE_FOR = timedelta(seconds=20)
WATCH = "watch_health"


@pytest.mark.fault
async def test_killed_while_docker_restarts_the_container(pipeline: Pipeline, engine_events: Events) -> None:
    """The backend hangs and ignores SIGTERM, so that its restart takes long enough to be cut in two."""

    def give_it_time_to_stop(content: dict[str, Any]) -> None:
        content["services"][BACKEND]["manager"]["stop_timeout"] = "8s"

    pipeline.configure(give_it_time_to_stop)
    container, since = container_of(pipeline.stack, BACKEND), datetime.now(UTC)

    async def seen() -> list[str]:
        return await asyncio.to_thread(engine_events.of, container, since)

    async def not_asked_to_stop() -> str:
        happened = await seen()
        return "" if "kill" in happened else f"the engine saw {happened}"

    async with FAULTS["hang"].inject(pipeline.stack.services):
        run = await pipeline.fire(Firing(since))
        await until("SIGTERM", not_asked_to_stop, within=20)
        await pipeline.stack.worker.kill()
        assert "die" not in await seen(), "the kill came too late to cut the restart in two"
        await pipeline.stack.worker.start()
        review = await pipeline.review(run, within=90)

    assert (review.cause, review.outcome) == ("hung", Outcome.RESOLVED)
    assert [event for event in await seen() if event in ("die", "start")] == ["die", "start"]
    assert [one.done for one in review.performed] == [True]


@pytest.mark.fault
async def test_killed_while_it_watches(pipeline: Pipeline, engine_events: Events) -> None:
    """The next worker goes on with the samples of the one before: the window is not started over."""

    def watch_for_longer(content: dict[str, Any]) -> None:
        content["alerts"]["ServiceDown"]["thresholds"]["stable_for"] = f"{STABLE_FOR.seconds}s"

    pipeline.configure(watch_for_longer)
    container, since = container_of(pipeline.stack, BACKEND), datetime.now(UTC)

    async with FAULTS["crash"].inject(pipeline.stack.services):
        run = await pipeline.fire(Firing(since))
        held = await healthy_for(pipeline, run, at_least=timedelta(seconds=6))
        await pipeline.stack.worker.kill()
        await pipeline.stack.worker.start()
        review = await pipeline.review(run, within=90)

    watched, last_attempt = await watch_of(pipeline, run)
    assert (review.outcome, watched.resumed) == (Outcome.RESOLVED, 1)
    assert watched.held >= STABLE_FOR
    assert last_attempt < STABLE_FOR - held + timedelta(seconds=4), "it was started over"
    happened = await asyncio.to_thread(engine_events.of, container, since)
    assert [event for event in happened if event in ("die", "start")] == ["die", "start"]


async def healthy_for(pipeline: Pipeline, run: Run, at_least: timedelta) -> timedelta:
    """How long the service was seen healthy, by the last heartbeat that the server has."""
    found = timedelta()

    async def not_yet() -> str:
        nonlocal found
        for pending in (await run.describe()).raw_description.pending_activities:
            if pending.activity_type.name == WATCH and pending.heartbeat_details.payloads:
                payloads = pending.heartbeat_details.payloads
                samples: Samples = (await pipeline.client.data_converter.decode(payloads, [Samples]))[0]
                found = samples.held
        return "" if found >= at_least else f"healthy for {found}"

    await until(f"healthy for {at_least}", not_yet, within=40)
    return found


async def watch_of(pipeline: Pipeline, run: Run) -> tuple[VerificationResult, timedelta]:
    """What the watch found, and how long its last attempt took."""
    history = (await run.fetch_history()).events
    scheduled = next(
        event.event_id
        for event in history
        if event.activity_task_scheduled_event_attributes.activity_type.name == WATCH
    )
    started = next(
        event
        for event in history
        if event.activity_task_started_event_attributes.scheduled_event_id == scheduled
    )
    completed = next(
        event
        for event in history
        if event.activity_task_completed_event_attributes.scheduled_event_id == scheduled
    )
    payloads = completed.activity_task_completed_event_attributes.result.payloads
    watched: VerificationResult = (
        await pipeline.client.data_converter.decode(payloads, [VerificationResult])
    )[0]
    return watched, completed.event_time.ToDatetime() - started.event_time.ToDatetime()
