"""The long waits of HighApiCosts, on a server that skips time: each of their ends, and what was offered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.monitoring.costs import CostsSeen
from models.incident.announcement import Occasion
from models.incident.incident import IncidentState, Outcome
from models.incident.review import Review
from tests.workflows import bills, sights
from tests.workflows.configuration import merged
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import scene

AN_HOUR = {"services": {"backend": {"costs": {"pace_over": "1h"}}}}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def warned(harness: Harness) -> Harness:
    """As it is shipped: a warning, and an hour that proves the pace."""
    alerts = {"alerts": {"HighApiCosts": {"severity": "warning"}}}
    harness.configure(**merged(merged(bills.CONFIGURED, AN_HOUR), alerts))
    return harness


async def fired(harness: Harness, costs: CostsSeen, **changes: Any) -> Incident:
    await bills.billed(costs, **changes)(harness)
    return await harness.fire(await harness.alert("HighApiCosts"))


async def waiting_for(harness: Harness, handle: Incident, what: str) -> IncidentState:
    """Let the clock run until it waits for this."""
    for _ in range(600):
        state = await harness.state(handle)
        if state.waits_for and what in state.waits_for:
            return state
        await harness.sleep(timedelta(seconds=1))
    raise AssertionError(f"never waits for {what}: {state}")


async def changed(harness: Harness, then: CostsSeen) -> Incident:
    """The settings were changed with approval, and the pace is waited for."""
    handle = await fired(harness, bills.bill(openai=20), then=then)
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await waiting_for(harness, handle, "the pace of this time")
    return handle


async def ends(harness: Harness, handle: Incident) -> Review:
    """Let the clock run minute by minute until the run is closed."""
    for _ in range(2000):
        state = await harness.state(handle)
        if state.phase == "closed":
            return await harness.end(handle)
        await harness.sleep(MINUTE)
    raise AssertionError(f"never closed: {state}")


def said(review: Review, words: str) -> bool:
    return any(words in entry.text for entry in review.timeline)


async def test_the_pace_is_judged_after_an_hour_in_which_nobody_is_kept_from_the_service(
    warned: Harness,
) -> None:
    handle = await changed(warned, bills.WITHIN)
    state = await warned.state(handle)
    assert state.waits_until is not None
    left = state.waits_until - await warned.now()
    assert timedelta(minutes=58) < left <= timedelta(hours=1)
    assert (await warned.book()).holder is None
    looked = warned.world.called.count("look_at_costs")
    await warned.env.sleep(timedelta(minutes=50))
    assert warned.world.called.count("look_at_costs") == looked, (
        "what was spent before counts no more by then"
    )
    review = await ends(warned, handle)
    assert review.outcome is Outcome.RESOLVED
    assert said(review, "verification: the pace is within the budget: now $")


async def test_a_change_that_does_not_help_goes_to_a_person_and_is_not_repeated(warned: Harness) -> None:
    handle = await changed(warned, bills.STILL_HIGH)
    state = await warned.until(handle, "escalated", MINUTE)
    assert any("the change did not save enough" in entry.text for entry in state.timeline)
    await warned.sleep(timedelta(hours=2))
    assert len(warned.world.done) == 1
    assert (await warned.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_a_pace_that_nobody_knows_any_more_proves_nothing(warned: Harness) -> None:
    handle = await changed(warned, bills.BLIND)
    state = await warned.until(handle, "escalated", MINUTE)
    assert any("whether it saved is not known" in entry.text for entry in state.timeline)


async def test_the_end_of_the_alert_ends_the_wait(warned: Harness) -> None:
    handle = await changed(warned, bills.STILL_HIGH)
    await warned.resolve(handle)
    review = await warned.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert said(review, "the alert was resolved after what was done")


async def test_a_persons_done_ends_the_wait(warned: Harness) -> None:
    handle = await changed(warned, bills.STILL_HIGH)
    assert (await warned.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_another_plan_is_taken_by_its_digest(warned: Harness) -> None:
    handle = await fired(warned, bills.bill(openai=20))
    state = await warned.until(handle, "awaiting approval")
    assert state.awaiting is not None
    assert state.awaiting.plan.says.startswith("set MAX_PRODUCTS_PER_RUN=10 in")
    (other,) = state.awaiting.others
    await handle.signal("approve", other.digest)
    review = await ends(warned, handle)
    assert review.outcome is Outcome.RESOLVED
    assert warned.world.done == [other.plan.says]
    assert "MAX_VIDEOS_PER_RUN=5" in other.plan.says


async def test_what_is_denied_is_left_to_a_person(warned: Harness) -> None:
    handle = await fired(warned, bills.bill(pika=20))
    await warned.until(handle, "awaiting approval")
    await handle.signal("deny")
    await warned.until(handle, "escalated")
    assert warned.world.done == []


async def test_resolved_before_the_approval_changes_nothing(warned: Harness) -> None:
    handle = await fired(warned, bills.bill(pika=20))
    await warned.until(handle, "awaiting approval")
    await warned.resolve(handle)
    assert (await warned.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert warned.world.done == []


async def over_already(harness: Harness) -> Incident:
    handle = await fired(harness, bills.spent_at_once(bills.AT))
    state = await waiting_for(harness, handle, "leaves the time of the budget")
    assert state.waits_until is not None
    assert state.waits_until - await harness.now() > timedelta(hours=24)
    return handle


async def test_what_is_over_is_waited_for_until_it_is_older_than_a_day(warned: Harness) -> None:
    handle = await over_already(warned)
    await warned.sleep(timedelta(hours=9))
    assert (await warned.state(handle)).phase == "verifying"
    await scene(costs=bills.WITHIN)(warned)
    review = await ends(warned, handle)
    assert (review.outcome, review.cause) == (Outcome.RESOLVED, "over already")
    assert warned.world.done == []
    assert warned.world.called.count("look_at_costs") < 80, "it is looked at now and then"


async def test_what_is_over_is_told_to_its_owner_and_pages_nobody(warned: Harness) -> None:
    handle = await over_already(warned)
    await warned.sleep(timedelta(hours=9))
    (told,) = (one for one in warned.world.told if "nothing is to be done" in one.title)
    assert (told.occasion, told.role) == (Occasion.NOTICE, "On-Call")
    assert warned.world.pages() == []
    await warned.resolve(handle)
    await warned.end(handle)


async def test_what_is_over_and_spends_again_calls_a_person(warned: Harness) -> None:
    handle = await over_already(warned)
    await scene(costs=bills.STILL_HIGH)(warned)
    state = await warned.until(handle, "escalated", MINUTE)
    assert any("it spends again" in entry.text for entry in state.timeline)
    assert warned.world.pages(), "what failed is told"


async def test_what_does_not_end_within_a_day_calls_a_person(warned: Harness) -> None:
    """Nobody asks for its state meanwhile: this server loses a query that meets the end of a long run, which
    is continued as a new one, and answers nothing any more."""
    handle = await over_already(warned)
    await warned.sleep(timedelta(hours=25))
    state = await warned.until(handle, "escalated", timedelta(minutes=10))
    assert any("it did not end by itself" in entry.text for entry in state.timeline)


async def test_what_is_over_ends_with_its_alert(warned: Harness) -> None:
    handle = await over_already(warned)
    await warned.resolve(handle)
    assert (await warned.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE


async def test_blind_monitoring_is_announced_and_nothing_is_touched(warned: Harness) -> None:
    handle = await fired(warned, bills.BLIND)
    state = await warned.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    assert warned.world.done == []


async def test_within_the_budget_recovered_by_itself(warned: Harness) -> None:
    warned.world.source = sights.SOURCE_AGREES
    review = await warned.end(await fired(warned, bills.WITHIN))
    assert (review.outcome, warned.world.done) == (Outcome.SELF_RECOVERED, [])
