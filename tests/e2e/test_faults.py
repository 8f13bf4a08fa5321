"""Temporal is killed for longer than a deadline; and a person throws the kill switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo.faults import FAULTS
from demo.parts.waiting import until
from demo.systems.services import BACKEND
from demo.webhook import Firing
from models.incident.incident import IncidentState, Outcome
from runtime.people.signing import user_of_this_machine
from tests.e2e.engine import Events, container_of
from tests.parts.product.pipeline import Pipeline, said

SECOND_RUNG = timedelta(seconds=12)
OUTAGE = timedelta(seconds=32)
"""Beyond the deadline: later than the ladder calls punctual."""


@pytest.mark.fault
async def test_temporal_is_away_for_longer_than_a_deadline(pipeline: Pipeline) -> None:
    """The alert that no runbook knows stays open, and its ladder climbs: once, late, and said so."""

    def page_the_platform_team(content: dict[str, Any]) -> None:
        second = {"role": "platform-team", "after": f"{SECOND_RUNG.seconds}s"}
        content["escalation"]["any-alert"] = ["on-call", second]

    pipeline.configure(page_the_platform_team)
    temporal, firing = pipeline.stack.temporal, Firing(datetime.now(UTC), name="QueueStuck")
    run = await pipeline.fire(firing)
    await pipeline.until_state(run, "the first rung", lambda state: state.rung == "on-call")

    await temporal.kill()
    due = firing.starts_at + SECOND_RUNG
    assert datetime.now(UTC) < due, "the kill came too late to be away when it was due"
    await past(due + OUTAGE)
    await temporal.start()

    def is_paged(state: IncidentState) -> bool:
        return bool(said(state.timeline, "page to platform-team"))

    await pipeline.until_state(run, "the second rung", is_paged, within=60)
    await pipeline.resolve(firing)
    review = await pipeline.review(run)
    assert len(said(review.timeline, "page to platform-team")) == 1
    (late,) = said(review.timeline, " late")
    assert "after the alert began" in late.text
    assert any(" late" in remark for remark in review.remarks)


@pytest.fixture
async def suspended(pipeline: Pipeline) -> AsyncIterator[Pipeline]:
    """Somebody has suspended all actions."""
    done = await asyncio.to_thread(
        pipeline.stack.command, "suspend", "--by", "anna", "--why", "a deployment goes on"
    )
    assert done.returncode == 0, done.stderr
    yield pipeline


@pytest.mark.fault
async def test_the_kill_switch_holds_actions_and_its_end_lets_them_go_on(
    suspended: Pipeline, engine_events: Events
) -> None:
    stack, since = suspended.stack, datetime.now(UTC)
    container = container_of(stack, BACKEND)

    async def happened() -> list[str]:
        seen = await asyncio.to_thread(engine_events.of, container, since)
        return [event for event in seen if event in ("die", "start")]

    async with FAULTS["crash"].inject(stack.services):
        run = await suspended.fire(Firing(since))
        state = await suspended.until_state(run, "paused", lambda one: bool(one.cause and one.paused))
        assert f"suspended by {user_of_this_machine()} (as anna): a deployment goes on" in state.paused
        assert not said(state.timeline, "pages ")
        assert await happened() == ["die"]
        resumed = await asyncio.to_thread(stack.command, "resume", "--by", "anna")
        assert resumed.returncode == 0, resumed.stderr
        review = await suspended.review(run)

    assert (review.outcome, review.cause) == (Outcome.RESOLVED, "crash")
    assert await happened() == ["die", "start"]


async def past(moment: datetime) -> None:
    """Wait until the clock is past it."""

    async def not_yet() -> str:
        left = moment - datetime.now(UTC)
        return f"{left} to go" if left > timedelta() else ""

    await until(f"{moment:%H:%M:%S}", not_yet, within=(moment - datetime.now(UTC)).total_seconds() + 2)
