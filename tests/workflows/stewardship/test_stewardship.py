"""One writer a service: who holds it, who waits, who takes it over, and who is freed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, patience
from tests.workflows.scenes import failing

CRASH = sights.crashed(sights.LONG_AGO)
KILL = "kill process 77 (thief), which listens on port 3000"
WARNING: dict[str, Any] = {"alerts": {"HighErrorRate": {"severity": "warning"}}}
HOUR = timedelta(hours=1)


async def service_down(harness: Harness) -> Incident:
    return await harness.fire(await harness.alert())


async def high_error_rate(harness: Harness) -> Incident:
    """Its cause is a leak: critical restarts the backend, a warning asks first."""
    harness.world.errors, harness.world.memory = sights.MANY_ERRORS, sights.FILLING_HEAP
    return await harness.fire(await harness.alert("HighErrorRate"))


async def queued(harness: Harness, handle: Incident, service: str = "backend") -> None:
    """Let the clock run until the incident waits in line."""
    for _ in patience():
        if any(f"waiting for {service}" in one.text for one in (await harness.state(handle)).timeline):
            return
        await harness.sleep(1)
    raise AssertionError("it never waited in line")


async def first_of_two(harness: Harness) -> tuple[Incident, Incident]:
    """ServiceDown holds the backend and asks a human; HighErrorRate waits in line."""
    harness.world.port = sights.TAKEN_PORT
    first = await service_down(harness)
    await harness.until(first, "awaiting approval")
    second = await high_error_rate(harness)
    await queued(harness, second)
    return first, second


async def test_the_second_waits_and_then_looks_again(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    assert harness.world.done == []
    await first.signal("approve")
    await harness.end(first)
    assert (await harness.end(second)).outcome is Outcome.RESOLVED
    assert harness.world.done == [KILL, "start backend", "restart backend"]
    assert harness.world.called.count("look_at_errors") == 2


async def test_what_the_first_healed_the_second_does_not_touch(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    harness.world.errors, harness.world.memory = sights.FEW_ERRORS, sights.ROOMY_HEAP
    await first.signal("approve")
    await harness.end(first)
    assert (await harness.end(second)).outcome is Outcome.SELF_RECOVERED
    assert harness.world.done == [KILL, "start backend"]


async def test_who_gives_up_waiting_leaves_the_line(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await harness.resolve(second)
    assert (await harness.end(second)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert (await harness.book()).waiting == ()
    await first.signal("approve")
    await harness.end(first)


async def taken_over(harness: Harness) -> tuple[Incident, Incident, str]:
    """A warning waits for its approval; something critical needs its service."""
    harness.configure(**WARNING)
    await failing(memory=sights.FILLING_HEAP)(harness)
    mild = await high_error_rate(harness)
    state = await harness.until(mild, "awaiting approval")
    assert state.awaiting is not None
    harness.world.health, harness.world.process = sights.REFUSED, CRASH
    harness.world.port = sights.TAKEN_PORT
    severe = await service_down(harness)
    await harness.until(severe, "awaiting approval")
    return mild, severe, state.awaiting.digest


async def test_the_more_severe_takes_over_and_the_plan_of_the_other_is_void(harness: Harness) -> None:
    mild, severe, digest = await taken_over(harness)
    state = await harness.until(mild, "triage")
    assert state.awaiting is None
    await mild.signal("approve", {"plan": digest})
    await harness.sleep(5)
    assert harness.world.done == [], "the approval was for a plan that is withdrawn"
    assert any("was taken over" in one.text for one in state.timeline)
    await severe.signal("approve")
    await harness.end(severe)
    state = await harness.until(mild, "awaiting approval")
    assert harness.world.done == [KILL, "start backend"]
    await mild.signal("approve")
    assert (await harness.end(mild)).outcome is Outcome.RESOLVED
    assert harness.world.done[-1] == "restart backend"


async def test_who_was_taken_over_looks_again_before_it_asks_again(harness: Harness) -> None:
    mild, severe, _ = await taken_over(harness)
    await harness.until(mild, "triage")
    harness.world.errors = sights.FEW_ERRORS
    await severe.signal("approve")
    await harness.end(severe)
    assert (await harness.end(mild)).outcome is Outcome.SELF_RECOVERED
    assert harness.world.done == [KILL, "start backend"]


async def test_nobody_takes_over_from_one_that_acts(harness: Harness) -> None:
    harness.configure(**WARNING)
    await failing(memory=sights.FILLING_HEAP)(harness)
    mild = await high_error_rate(harness)
    await harness.until(mild, "awaiting approval")
    harness.world.hold("watch_errors")
    await mild.signal("approve")
    await harness.until(mild, "verifying")
    harness.world.health, harness.world.process = sights.REFUSED, CRASH
    severe = await service_down(harness)
    await queued(harness, severe)
    assert harness.world.done == ["restart backend"], "also while it only verifies"
    harness.world.let_go("watch_errors")
    await harness.until(mild, "escalated")
    await harness.end(severe)
    assert (await harness.closes(mild)).outcome is Outcome.CLOSED_BY_HUMAN
    assert harness.world.done == ["restart backend", "start backend"]


async def test_a_terminated_holder_is_found_by_asking_temporal(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    first = await service_down(harness)
    await harness.until(first, "awaiting approval")
    await first.terminate("somebody gave up")
    began = await harness.now()
    second = await high_error_rate(harness)
    assert (await harness.end(second)).outcome is Outcome.RESOLVED
    assert await harness.now() - began < timedelta(minutes=1), "no time-out was waited for"


async def test_a_holder_terminated_later_is_found_within_a_minute_or_two(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await first.terminate("somebody gave up")
    await harness.sleep(timedelta(minutes=2))
    assert (await harness.end(second)).outcome is Outcome.RESOLVED


async def fails(harness: Harness) -> None:
    """One incident whose fix does not work, closed by a human."""
    harness.world.health, harness.world.process = sights.REFUSED, sights.RUNNING
    harness.world.works = False
    handle = await service_down(harness)
    await harness.until(handle, "escalated")
    await harness.closes(handle)


async def blocked(harness: Harness) -> None:
    """Three failures, and a fourth incident that may not act."""
    for _ in range(3):
        await fails(harness)
    assert len(harness.world.done) == 3
    handle = await service_down(harness)
    state = await harness.until(handle, "escalated")
    assert any("is blocked until" in one.text and "3 failures" in one.text for one in state.timeline)
    assert len(harness.world.done) == 3
    await harness.closes(handle)
    harness.world.works = True


async def test_three_failures_block_the_service_for_an_hour(harness: Harness) -> None:
    await blocked(harness)
    await harness.sleep(HOUR)
    assert (await harness.end(await service_down(harness))).outcome is Outcome.RESOLVED
    assert len(harness.world.done) == 4


async def test_who_is_refused_what_it_was_granted_in_line_lets_it_go(harness: Harness) -> None:
    """The last failure before the block was that of the incident before it in line."""
    await fails(harness)
    await fails(harness)
    harness.world.process = CRASH
    first, second = await first_of_two(harness)
    await first.signal("approve")
    state = await harness.until(second, "escalated")
    assert any("is blocked until" in one.text for one in state.timeline)
    await harness.sleep(5)
    assert (await harness.book()).holder is None, "the next one would wait for as long as this one is open"
    await harness.closes(first)
    await harness.closes(second)


async def test_a_person_takes_the_block_back(harness: Harness) -> None:
    await blocked(harness)
    await harness.steward().signal("unblock")
    assert (await harness.end(await service_down(harness))).outcome is Outcome.RESOLVED


async def test_failures_of_different_hours_do_not_block(harness: Harness) -> None:
    await fails(harness)
    await fails(harness)
    await harness.sleep(HOUR)
    await fails(harness)
    await fails(harness)
    assert len(harness.world.done) == 4


async def test_crashes_of_different_hours_are_no_loop(harness: Harness) -> None:
    for _ in range(3):
        harness.world.health, harness.world.process = sights.REFUSED, sights.crashed(await harness.now())
        review = await harness.end(await service_down(harness))
        assert review.cause == "crash"
        await harness.sleep(timedelta(minutes=40))
