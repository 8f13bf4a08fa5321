"""MemoryKeepsGrowing: half an hour of watching before anything is done, and a day after it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.memory.emitters import EmittersSeen
from models.evidence.evidence import Finding
from models.incident.incident import IncidentState, Outcome
from models.incident.review import Review
from models.names import Severity
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_new_runs import run_of, told_for_months

NAME = "MemoryKeepsGrowing"
MINUTE = timedelta(minutes=1)
HALF_AN_HOUR = timedelta(minutes=30)
STEP = timedelta(seconds=50)
"""No step of the clock ends with a timer: the test server may lose the task."""
BLIND = sights.GROWING.model_copy(update={"finding": Finding.UNKNOWN, "reason": "no sample for an hour"})
WARNS = EmittersSeen(finding=Finding.BAD, reason="11 listeners for data on Socket")
AGAIN = sights.GROWING_AS_BEFORE.model_copy(update={"reason": "it grows by 6% an hour again"})


@pytest.fixture
async def growing(harness: Harness) -> Harness:
    """A service that is well, and whose heap grows."""
    harness.configure(alerts={NAME: {"severity": "warning"}})
    world = harness.world
    world.health, world.process, world.growth = sights.HEALTHY, sights.RUNNING, sights.GROWING
    world.after = {"growth": sights.STEADY_GROWTH}
    return harness


async def fire(harness: Harness) -> Incident:
    return await harness.fire(await harness.alert(NAME, ago=7 * MINUTE))


async def watched(harness: Harness, handle: Incident, why: str) -> IncidentState:
    """Its state once it watches for this reason."""
    for _ in range(120):
        state = await harness.state(handle)
        if why in state.waits_for:
            return state
        await harness.sleep(1)
    raise AssertionError(f"it never {why}: {[entry.text for entry in state.timeline]}")


async def restarted(harness: Harness) -> tuple[Incident, IncidentState]:
    """An incident whose restart was approved, and which compares."""
    handle = await fire(harness)
    await harness.until(handle, "awaiting approval", step=STEP)
    await handle.signal("approve")
    return handle, await watched(harness, handle, "compares")


def says(found: Review | IncidentState, text: str) -> bool:
    return any(text in entry.text for entry in found.timeline)


async def test_a_steady_heap_is_no_alert(growing: Harness) -> None:
    growing.world.growth = sights.STEADY_GROWTH
    review = await growing.end(await fire(growing))
    assert (review.outcome, review.performed) == (Outcome.SELF_RECOVERED, ())


async def test_a_warning_of_an_emitter_alone_is_no_leak(growing: Harness) -> None:
    growing.world.growth = sights.STEADY_GROWTH
    growing.world.coming["emitters"] = [WARNS, WARNS, WARNS]
    review = await growing.end(await fire(growing))
    assert (review.outcome, review.performed) == (Outcome.SELF_RECOVERED, ())


async def test_what_cannot_be_seen_is_announced_and_nothing_is_touched(growing: Harness) -> None:
    growing.world.growth = BLIND
    handle = await fire(growing)
    state = await growing.until(handle, "escalated")
    assert says(state, "could not verify the alert: no sample for an hour; no action taken")
    await growing.until_true(lambda: "On-Call" in growing.world.pages())
    await growing.closes(handle)
    assert growing.world.done == []


async def test_it_is_watched_for_half_an_hour_with_nothing_held(growing: Harness) -> None:
    handle = await fire(growing)
    state = await watched(growing, handle, "watches whether")
    assert state.waits_until is not None
    assert timedelta() < state.waits_until - await growing.now() <= HALF_AN_HOUR
    handle = await told_for_months(growing, handle)
    assert (await growing.state(handle)).waits_until == state.waits_until
    await growing.env.sleep(state.waits_until - await growing.now() - MINUTE)
    assert (await growing.state(handle)).phase == "diagnosing"
    state = await growing.until(handle, "awaiting approval", step=timedelta(seconds=10))
    assert state.cause == "leak"
    assert 30 <= growing.world.called.count("look_at_growth") <= 36, "once a minute"
    assert growing.world.done == []
    await handle.signal("deny")
    await growing.until(handle, "escalated")
    await growing.closes(handle)
    assert growing.world.done == []


async def test_what_is_full_soon_is_watched_no_longer(growing: Harness) -> None:
    growing.world.growth = sights.GROWING.model_copy(update={"full_in": 10 * MINUTE})
    handle = await fire(growing)
    state = await growing.until(handle, "awaiting approval")
    assert await growing.now() - state.alert.starts_at < 10 * MINUTE


async def test_what_does_not_fit_a_line_may_jump_to_full_and_is_watched(growing: Harness) -> None:
    unsure = sights.LEAK.model_copy(update={"steady": False})
    growing.world.growth = sights.GROWING.model_copy(update={"full_in": 10 * MINUTE, "trend": unsure})
    handle = await fire(growing)
    await growing.env.sleep(10 * MINUTE)
    assert (await growing.state(handle)).phase == "diagnosing"


async def test_the_end_of_the_alert_ends_the_watch(growing: Harness) -> None:
    handle = await fire(growing)
    await watched(growing, handle, "watches whether")
    await growing.resolve(handle)
    review = await growing.end(handle)
    assert (review.outcome, growing.world.done) == (Outcome.RESOLVED_ELSEWHERE, [])


async def test_monitoring_that_goes_away_while_it_watches_hands_over(growing: Harness) -> None:
    handle = await fire(growing)
    await watched(growing, handle, "watches whether")
    growing.world.growth = BLIND
    state = await growing.until(handle, "escalated", step=STEP)
    assert says(state, "its memory cannot be watched any more")
    await growing.closes(handle)
    assert growing.world.done == []


async def test_a_day_later_the_review_compares(growing: Harness) -> None:
    handle, state = await restarted(growing)
    first, pages = await run_of(handle), len(growing.world.pages())
    assert (await growing.book()).holder is None, "the service is free"
    assert state.waits_until is not None
    await growing.env.sleep(state.waits_until - await growing.now() - MINUTE)
    handle = growing.incident(handle.id)
    assert (await growing.state(handle)).waits_until == state.waits_until
    assert len(growing.world.pages()) == pages, "nobody is paged while it is well"
    await growing.env.sleep(2 * MINUTE)
    review = await growing.end(growing.incident(handle.id))
    assert review.outcome is Outcome.RESOLVED
    assert growing.world.done == ["restart backend"]
    compares = "Memory: it was steady in 5 h, and it grew by 6.0% of its limit in an hour before."
    assert review.remarks.count(compares) == 1
    assert review.run_id == first or await run_of(growing.incident(handle.id)) != first


async def test_what_grows_as_before_is_handed_to_a_person(growing: Harness) -> None:
    handle, _ = await restarted(growing)
    growing.world.growth = AGAIN
    state = await growing.until(handle, "escalated", step=7 * MINUTE)
    assert says(state, "it grows as before, so the restart only bought time")
    await growing.until_true(lambda: growing.world.pages()[-1] != "")
    review = await growing.closes(handle)
    assert growing.world.done == ["restart backend"], "not repeated"
    assert any("it grew by 6.0% of its limit in an hour in 5 h, and it grew" in one for one in review.remarks)


async def test_what_still_grows_after_a_day_is_handed_to_a_person_too(growing: Harness) -> None:
    handle, state = await restarted(growing)
    slower = sights.LEAK.model_copy(update={"slope": 0.01})
    growing.world.growth = AGAIN.model_copy(update={"trend": slower})
    assert state.waits_until is not None
    await growing.env.sleep(state.waits_until - await growing.now() + MINUTE)
    handle = growing.incident(handle.id)
    assert says(await growing.until(handle, "escalated"), "it still grows")
    await growing.closes(handle)


@pytest.mark.parametrize("by", ["the alert", "a person"])
async def test_the_day_is_cut_short_and_the_review_compares_what_was_seen(growing: Harness, by: str) -> None:
    handle, _ = await restarted(growing)
    await growing.env.sleep(3 * 60 * 60)
    if by == "the alert":
        await growing.resolve(handle)
    else:
        await handle.signal("done")
    review = await growing.end(handle)
    assert review.outcome is (Outcome.RESOLVED if by == "the alert" else Outcome.CLOSED_BY_HUMAN)
    assert sum(one.startswith("Memory: it was steady") for one in review.remarks) == 1


async def test_a_restart_without_effect_is_not_repeated(growing: Harness) -> None:
    handle = await fire(growing)
    await growing.until(handle, "awaiting approval", step=STEP)
    growing.world.works = False
    await handle.signal("approve")
    await growing.until(handle, "escalated")
    await growing.closes(handle)
    assert growing.world.done == ["restart backend"]


async def test_at_this_severity_nothing_is_done_unasked(growing: Harness) -> None:
    handle = await fire(growing)
    state = await growing.until(handle, "awaiting approval", step=STEP)
    assert (state.severity, growing.world.done) == (Severity.WARNING, [])
    await growing.resolve(handle)
    review = await growing.end(handle)
    assert (review.outcome, growing.world.done) == (Outcome.RESOLVED_ELSEWHERE, [])


async def test_what_cannot_be_seen_a_day_later_is_handed_to_a_person(growing: Harness) -> None:
    handle, state = await restarted(growing)
    growing.world.growth = BLIND
    assert state.waits_until is not None
    await growing.env.sleep(state.waits_until - await growing.now() + MINUTE)
    handle = growing.incident(handle.id)
    state = await growing.until(handle, "escalated")
    assert says(state, "how its memory grows cannot be compared: no sample for an hour")
    await growing.closes(handle)


async def test_what_somebody_stopped_during_the_watch_is_not_started_unasked(growing: Harness) -> None:
    handle = await fire(growing)
    await watched(growing, handle, "watches whether")
    growing.world.process = sights.stopped(await growing.now())
    await growing.until(handle, "awaiting approval", step=STEP)
    assert growing.world.done == []


async def test_a_few_samples_close_nothing_and_are_looked_at_again(growing: Harness) -> None:
    growing.world.growth = sights.JUST_STARTED
    handle = await fire(growing)
    await growing.until(handle, "escalated", step=STEP)
    state = await growing.state(handle)
    assert says(state, "could not verify the alert")
    assert growing.world.done == []


async def test_what_was_seen_for_too_short_is_judged_once_there_are_samples(growing: Harness) -> None:
    growing.world.coming = {"growth": [sights.JUST_STARTED]}
    growing.world.growth = sights.STEADY_GROWTH
    review = await growing.end(await fire(growing))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert says(review, "not true any more")
