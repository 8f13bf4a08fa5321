"""NoVideosGenerated: what it waits for, for hours, what a person chooses, and what it sets back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.monitoring.providers import ProviderKind
from models.evidence.evidence import Finding
from models.incident.incident import IncidentState, Outcome
from models.incident.review import Review
from models.zone import midnight_after
from tests.workflows import product_sights, sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.videos import video_sights
from tests.workflows.videos.rows import AND_BACK, GENERATE, RESET, TO_THE_BACKUP
from tests.workflows.videos.video_sights import BACKUP, BUDGET, no_videos

HOUR = timedelta(hours=1)
RAISE = "raise the daily budget of backend from $100 to $150 for a while"
SET_BACK = "set the daily budget of backend back to $100"
NAME = "NoVideosGenerated"
WARNING: dict[str, Any] = {"alerts": {NAME: {"severity": "warning"}}}


async def fired(harness: Harness, configuration: dict[str, Any] | None = None, **seen: Any) -> Incident:
    """An incident of an application that makes no videos."""
    harness.configure(**(configuration or {}))
    await no_videos(**seen)(harness)
    return await harness.fire(await harness.alert(NAME))


async def waiting(harness: Harness, handle: Incident) -> IncidentState:
    """Its state, once it waits for something."""
    for _ in range(120):
        state = await harness.state(handle)
        if state.waits_for:
            return state
        await harness.sleep(1)
    raise AssertionError([entry.text for entry in state.timeline])


def says(review: Review | IncidentState, text: str) -> bool:
    return any(text in entry.text for entry in review.timeline)


async def test_without_a_backup_the_provider_is_waited_for(harness: Harness) -> None:
    handle = await fired(harness, WARNING, providers=sights.PROVIDER_DOWN)
    state = await waiting(harness, handle)
    assert state.waits_for == "openai must come back: there is no backup generator"
    await harness.sleep(5 * HOUR)
    assert harness.world.done == []
    harness.world.providers = sights.SERVING
    review = await harness.end(handle)
    assert (review.cause, review.outcome) == ("provider down", Outcome.RESOLVED)
    assert harness.world.done == [GENERATE], "a generation is safe: it is asked for at a warning, too"


async def test_a_provider_that_stays_away_is_handed_to_a_person(harness: Harness) -> None:
    handle = await fired(harness, providers=sights.PROVIDER_DOWN)
    await waiting(harness, handle)
    await harness.sleep(24 * HOUR + timedelta(minutes=2))
    state = await harness.until(handle, "escalated")
    assert says(state, "not back in time: openai answers 503")
    assert harness.world.done == []


async def test_paused_on_purpose_during_the_wait_nothing_is_generated_after_it(harness: Harness) -> None:
    handle = await fired(harness, providers=sights.PROVIDER_DOWN)
    await waiting(harness, handle)
    setattr(harness.world, "video_queue", video_sights.PAUSED_QUEUE)  # noqa: B010 - a look of no field
    harness.world.providers = sights.SERVING
    state = await harness.until(handle, "escalated")
    assert says(state, "paused by eve: new prompts")
    assert harness.world.done == []


async def test_what_cannot_be_seen_is_not_back(harness: Harness) -> None:
    handle = await fired(harness, providers=sights.PROVIDER_DOWN)
    await waiting(harness, handle)
    blind = sights.PROVIDER_DOWN.providers[0].model_copy(
        update={"finding": Finding.UNKNOWN, "kind": ProviderKind.NOT_SEEN}
    )
    harness.world.providers = sights.PROVIDER_DOWN.model_copy(update={"providers": (blind,)})
    await harness.sleep(HOUR)
    assert (await harness.state(handle)).waits_for
    assert harness.world.done == []


@pytest.mark.parametrize("end", ["the alert is over", "done"])
async def test_the_wait_for_a_provider_is_cut_short(harness: Harness, end: str) -> None:
    handle = await fired(harness, providers=sights.PROVIDER_DOWN)
    await waiting(harness, handle)
    if end == "done":
        review = await harness.closes(handle)
        assert review.outcome is Outcome.CLOSED_BY_HUMAN
    else:
        await harness.resolve(handle)
        review = await harness.end(handle)
        assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert harness.world.done == []


async def test_the_budget_of_the_next_day_is_waited_for_in_the_zone_of_the_application(
    harness: Harness,
) -> None:
    zone = {"services": {"backend": {"api": {"url": "http://localhost:3000", "time_zone": "Asia/Tokyo"}}}}
    handle = await fired(harness, zone, budget=await spent(harness))
    state = await waiting(harness, handle)
    assert state.waits_until == midnight_after(await harness.now(), "Asia/Tokyo")
    handle = await told_for_months(harness, handle)
    assert (await harness.state(handle)).waits_until == state.waits_until, "a new run waits for what is left"
    await harness.sleep(state.waits_until - await harness.now() - timedelta(minutes=1))
    assert GENERATE not in harness.world.done
    await harness.sleep(timedelta(minutes=2))
    review = await harness.end(handle)
    assert (review.cause, review.outcome) == ("budget hit", Outcome.RESOLVED)
    assert harness.world.done[-1] == GENERATE


async def test_a_budget_that_its_reset_does_not_reset_is_handed_to_a_person(harness: Harness) -> None:
    handle = await fired(harness, budget=await spent(harness))
    await waiting(harness, handle)
    harness.world.budget = await spent(harness)
    await harness.sleep(24 * HOUR)
    state = await harness.until(handle, "escalated")
    assert says(state, "waited for the reset of the budget, but today's budget is reached")
    assert GENERATE not in harness.world.done


async def test_waiting_is_recommended_and_raising_is_offered(harness: Harness) -> None:
    handle, raised = await choosing(harness)
    await handle.signal("approve")
    state = await waiting(harness, handle)
    assert state.waits_for == "the budget of the next day begins then"
    assert RAISE not in harness.world.done
    assert raised


async def test_a_raised_budget_is_set_back_when_the_incident_ends(harness: Harness) -> None:
    handle, raised = await choosing(harness)
    await handle.signal("approve", raised)
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == [RAISE, GENERATE, SET_BACK]
    assert review.resolved_after < HOUR, "nobody waits for midnight"


async def test_a_raised_budget_is_set_back_at_its_reset_at_the_latest(harness: Harness) -> None:
    harness.world.watched["watch_generation"] = sights.FAILING
    handle, raised = await choosing(harness)
    await handle.signal("approve", raised)
    await harness.until(handle, "escalated")
    assert harness.world.done == [RAISE, GENERATE], "asked for once, although no video came"
    await harness.sleep(midnight_after(await harness.now(), "UTC") - await harness.now())
    await harness.until_true(lambda: SET_BACK in harness.world.done)
    await harness.closes(handle)
    assert harness.world.done == [RAISE, GENERATE, SET_BACK]


@pytest.mark.parametrize("end", ["the alert is over", "done"])
async def test_a_raised_budget_is_set_back_when_the_alert_is_over(harness: Harness, end: str) -> None:
    harness.world.watched["watch_generation"] = sights.FAILING
    handle, raised = await choosing(harness)
    await handle.signal("approve", raised)
    await harness.until(handle, "escalated")
    if end == "done":
        await harness.closes(handle)
    else:
        await harness.resolve(handle)
        await harness.end(handle)
    assert harness.world.done == [RAISE, GENERATE, SET_BACK]


async def test_a_budget_that_somebody_else_set_is_not_offered_to_be_raised(harness: Harness) -> None:
    other = (await spent(harness)).model_copy(update={"budget": 120.0})
    costs = video_sights.COSTS.model_copy(update={"total": 120.0})
    handle = await fired(harness, BUDGET, budget=other, daily_summary=costs)
    state = await waiting(harness, handle)
    assert state.waits_for == "the budget of the next day begins then"


async def test_products_are_synced_in_their_own_incident_and_then_videos_generated(harness: Harness) -> None:
    harness.world.hold("watch_sync")
    stale: dict[str, Any] = {"last_sync": product_sights.STALE, "schedules": product_sights.FORGOTTEN}
    handle = await fired(harness, product_count=video_sights.NO_PRODUCTS, **stale)
    await harness.until_true(lambda: any("sync" in one for one in harness.world.done))
    setattr(harness.world, "product_count", video_sights.PRODUCTS)  # noqa: B010 - a look of no field
    harness.world.let_go("watch_sync")
    review = await harness.end(handle)
    assert (review.cause, review.outcome) == ("no products", Outcome.RESOLVED)
    assert review.handed_to == ("NoProductsSynced/backend",)
    assert harness.world.done[-1] == GENERATE


async def test_at_a_warning_a_person_approves_the_backup_and_the_retry(harness: Harness) -> None:
    handle = await fired(harness, {**WARNING, **BACKUP}, providers=sights.PROVIDER_DOWN)
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    assert state.awaiting.plan.says == TO_THE_BACKUP
    await handle.signal("approve")
    await harness.end(handle)
    assert harness.world.done == [TO_THE_BACKUP, GENERATE, AND_BACK]


async def test_the_error_stands_in_the_plan_that_tries_the_workflow_again(harness: Harness) -> None:
    crashed = {"executions": video_sights.crashed(), "retry": video_sights.RETRY}
    handle = await fired(harness, WARNING, **crashed)
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    (step,) = state.awaiting.plan.steps
    assert step.says == RESET
    assert "TypeError: script is undefined" in step.changes
    assert "activity render is done again" in step.changes
    await handle.signal("deny")
    await harness.until(handle, "escalated")
    assert harness.world.done == []


async def test_while_a_video_is_being_made_nothing_is_done(harness: Harness) -> None:
    handle = await fired(harness, budget=await spent(harness), video_queue=video_sights.MOVING)
    review = await harness.end(handle)
    assert (review.cause, review.outcome, harness.world.done) == ("", Outcome.RESOLVED, [])


async def test_nothing_wrong_and_nothing_to_see(harness: Harness) -> None:
    handle = await fired(harness, last_video=video_sights.A_VIDEO, budget=await spent(harness))
    assert (await harness.end(handle)).outcome is Outcome.SELF_RECOVERED
    handle = await fired(harness, last_video=video_sights.BLIND, budget=await spent(harness))
    state = await harness.until(handle, "escalated")
    assert says(state, "could not verify the alert")
    assert harness.world.done == []


async def test_what_had_no_effect_is_not_repeated(harness: Harness) -> None:
    harness.world.watched["watch_generation"] = sights.FAILING
    handle = await fired(harness, BACKUP, providers=sights.PROVIDER_DOWN)
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    assert harness.world.done == [TO_THE_BACKUP, GENERATE, AND_BACK]
    assert len(review.did_not_help) >= 1


async def test_a_generation_without_an_answer_is_looked_back_at(harness: Harness) -> None:
    harness.world.lost["generate_videos"] = 1
    harness.world.found_later = False
    handle = await fired(harness)
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.until(handle, "escalated")
    assert harness.world.done == [GENERATE], "it may have been taken: nobody asks again"


async def spent(harness: Harness) -> Any:
    """A budget that is reached now."""
    return video_sights.SPENT.model_copy(update={"observed_at": await harness.now()})


async def choosing(harness: Harness) -> tuple[Incident, str]:
    """An incident that asks what to do about a spent budget; the digest of raising it."""
    handle = await fired(harness, BUDGET, budget=await spent(harness))
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    wait, more = state.awaiting.options
    assert (wait.plan.steps[0].kind, more.plan.says) == ("wait-for-reset", RAISE)
    assert harness.world.done == []
    return handle, more.digest
