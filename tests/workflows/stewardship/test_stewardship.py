"""One writer a service: who holds it, who waits, who takes it over, and who is freed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Incident, Night, patience
from tests.workflows.scenes import failing

CRASH = sights.crashed(sights.LONG_AGO)
KILL = "kill process 77 (thief), which listens on port 3000"
WARNING: dict[str, Any] = {"alerts": {"HighErrorRate": {"severity": "warning"}}}
HOUR = timedelta(hours=1)


async def service_down(night: Night) -> Incident:
    return await night.fire(await night.alert())


async def high_error_rate(night: Night) -> Incident:
    """Its cause is a leak: critical restarts the backend, a warning asks first."""
    night.world.errors, night.world.heap = sights.MANY_ERRORS, sights.GROWING_HEAP
    return await night.fire(await night.alert("HighErrorRate"))


async def queued(night: Night, handle: Incident, service: str = "backend") -> None:
    """Let the clock run until the incident waits in line."""
    for _ in patience():
        if any(f"waiting for {service}" in one.text for one in (await night.state(handle)).timeline):
            return
        await night.env.sleep(1)
    raise AssertionError("it never waited in line")


async def first_of_two(night: Night) -> tuple[Incident, Incident]:
    """ServiceDown holds the backend and asks a human; HighErrorRate waits in line."""
    night.world.port = sights.TAKEN_PORT
    first = await service_down(night)
    await night.until(first, "awaiting approval")
    second = await high_error_rate(night)
    await queued(night, second)
    return first, second


async def test_the_second_waits_and_then_looks_again(night: Night) -> None:
    first, second = await first_of_two(night)
    assert night.world.done == []
    await first.signal("approve")
    await night.end(first)
    assert (await night.end(second)).outcome is Outcome.RESOLVED
    assert night.world.done == [KILL, "start backend", "restart backend"]
    assert night.world.called.count("look_at_errors") == 2


async def test_what_the_first_healed_the_second_does_not_touch(night: Night) -> None:
    first, second = await first_of_two(night)
    night.world.errors, night.world.heap = sights.FEW_ERRORS, sights.STEADY_HEAP
    await first.signal("approve")
    await night.end(first)
    assert (await night.end(second)).outcome is Outcome.SELF_RECOVERED
    assert night.world.done == [KILL, "start backend"]


async def test_who_gives_up_waiting_leaves_the_line(night: Night) -> None:
    first, second = await first_of_two(night)
    await night.resolve(second)
    assert (await night.end(second)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert (await night.book()).waiting == ()
    await first.signal("approve")
    await night.end(first)


async def taken_over(night: Night) -> tuple[Incident, Incident, str]:
    """A warning waits for its approval; something critical needs its service."""
    night.configure(**WARNING)
    await failing(heap=sights.GROWING_HEAP)(night)
    mild = await high_error_rate(night)
    state = await night.until(mild, "awaiting approval")
    assert state.awaiting is not None
    night.world.health, night.world.process = sights.REFUSED, CRASH
    night.world.port = sights.TAKEN_PORT
    severe = await service_down(night)
    await night.until(severe, "awaiting approval")
    return mild, severe, state.awaiting.digest


async def test_the_more_severe_takes_over_and_the_plan_of_the_other_is_void(night: Night) -> None:
    mild, severe, digest = await taken_over(night)
    state = await night.until(mild, "triage")
    assert state.awaiting is None
    await mild.signal("approve", {"plan": digest})
    await night.env.sleep(5)
    assert night.world.done == [], "the approval was for a plan that is withdrawn"
    assert any("was taken over" in one.text for one in state.timeline)
    await severe.signal("approve")
    await night.end(severe)
    state = await night.until(mild, "awaiting approval")
    assert night.world.done == [KILL, "start backend"]
    await mild.signal("approve")
    assert (await night.end(mild)).outcome is Outcome.RESOLVED
    assert night.world.done[-1] == "restart backend"


async def test_who_was_taken_over_looks_again_before_it_asks_again(night: Night) -> None:
    mild, severe, _ = await taken_over(night)
    await night.until(mild, "triage")
    night.world.errors = sights.FEW_ERRORS
    await severe.signal("approve")
    await night.end(severe)
    assert (await night.end(mild)).outcome is Outcome.SELF_RECOVERED
    assert night.world.done == [KILL, "start backend"]


async def test_nobody_takes_over_from_one_that_acts(night: Night) -> None:
    night.configure(**WARNING)
    await failing(heap=sights.GROWING_HEAP)(night)
    mild = await high_error_rate(night)
    await night.until(mild, "awaiting approval")
    night.world.hold("watch_errors")
    await mild.signal("approve")
    await night.until(mild, "verifying")
    night.world.health, night.world.process = sights.REFUSED, CRASH
    severe = await service_down(night)
    await queued(night, severe)
    assert night.world.done == ["restart backend"], "also while it only verifies"
    night.world.let_go("watch_errors")
    assert (await night.end(mild)).outcome is Outcome.RESOLVED
    await night.end(severe)
    assert night.world.done == ["restart backend", "start backend"]


async def test_a_terminated_holder_is_found_by_asking_temporal(night: Night) -> None:
    night.world.port = sights.TAKEN_PORT
    first = await service_down(night)
    await night.until(first, "awaiting approval")
    await first.terminate("somebody gave up")
    began = await night.now()
    second = await high_error_rate(night)
    assert (await night.end(second)).outcome is Outcome.RESOLVED
    assert await night.now() - began < timedelta(minutes=1), "no time-out was waited for"


async def test_a_holder_terminated_later_is_found_within_a_minute_or_two(night: Night) -> None:
    first, second = await first_of_two(night)
    await first.terminate("somebody gave up")
    await night.env.sleep(timedelta(minutes=2))
    assert (await night.end(second)).outcome is Outcome.RESOLVED


async def fails(night: Night) -> None:
    """One incident whose fix does not work, closed by a human."""
    night.world.health, night.world.process = sights.REFUSED, sights.RUNNING
    night.world.works = False
    handle = await service_down(night)
    await night.until(handle, "escalated")
    await night.closes(handle)


async def blocked(night: Night) -> None:
    """Three failures, and a fourth incident that may not act."""
    for _ in range(3):
        await fails(night)
    assert len(night.world.done) == 3
    handle = await service_down(night)
    state = await night.until(handle, "escalated")
    assert any("is blocked until" in one.text and "3 failures" in one.text for one in state.timeline)
    assert len(night.world.done) == 3
    await night.closes(handle)
    night.world.works = True


async def test_three_failures_block_the_service_for_an_hour(night: Night) -> None:
    await blocked(night)
    await night.env.sleep(HOUR)
    assert (await night.end(await service_down(night))).outcome is Outcome.RESOLVED
    assert len(night.world.done) == 4


async def test_a_person_takes_the_block_back(night: Night) -> None:
    await blocked(night)
    await night.steward().signal("unblock")
    assert (await night.end(await service_down(night))).outcome is Outcome.RESOLVED


async def test_failures_of_different_hours_do_not_block(night: Night) -> None:
    await fails(night)
    await fails(night)
    await night.env.sleep(HOUR)
    await fails(night)
    await fails(night)
    assert len(night.world.done) == 4


async def test_crashes_of_different_hours_are_no_loop(night: Night) -> None:
    for _ in range(3):
        night.world.health, night.world.process = sights.REFUSED, sights.crashed(await night.now())
        review = await night.end(await service_down(night))
        assert review.cause == "crash"
        await night.env.sleep(timedelta(minutes=40))
