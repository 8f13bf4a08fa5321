"""Products that are not synced: what is waited for, by whom it is ended, and what is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.incident.incident import Outcome
from models.incident.review import Review
from tests.scenarios.no_products_synced import FEWER, SYNC, UNPAUSE, WARNING, stale
from tests.workflows import product_sights, sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.product_sights import NOW, STALE, SYNCED, loop, run
from tests.workflows.sights import LONG_AGO

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LIMITED_NOW = product_sights.LIMITED.model_copy(update={"observed_at": NOW - 50 * MINUTE})
"""Looked at as soon as its run had failed: all of the 90 minutes are left."""


async def fired(harness: Harness, **seen: Any) -> Incident:
    harness.configure(**WARNING)
    await stale(**seen)(harness)
    return await harness.fire(await harness.alert("NoProductsSynced"))


async def waits(harness: Harness, **seen: Any) -> Incident:
    handle = await fired(harness, **seen)
    await harness.until_it_waits(handle)
    return handle


async def ends(harness: Harness, handle: Incident, after: timedelta = timedelta()) -> Review:
    await harness.sleep(after)
    return await harness.end(handle)


def says(review: Review, text: str) -> bool:
    return any(text in entry.text for entry in review.timeline)


async def test_a_rate_limit_is_waited_for_as_it_says_and_then_fewer_are_synced(harness: Harness) -> None:
    handle = await waits(harness, schedules=LIMITED_NOW)
    state = await harness.state(handle)
    assert state.waits_until is not None
    assert 89 * MINUTE < state.waits_until - await harness.now() <= 90 * MINUTE
    await harness.sleep(89 * MINUTE)
    assert harness.world.done == []
    review = await ends(harness, handle, MINUTE)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [FEWER])


async def test_paused_on_purpose_during_the_wait_nothing_is_synced_after_it(harness: Harness) -> None:
    handle = await waits(harness, schedules=LIMITED_NOW)
    harness.world.schedules = product_sights.MEANT
    await harness.sleep(91 * MINUTE)
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    assert (harness.world.done, says(review, "ask lena")) == ([], True)


@pytest.mark.parametrize(
    ("said", "waited"),
    [("429", HOUR), ("429, retry after 6 h", 2 * HOUR), ("429, retry-after: 120000 ms", 2 * MINUTE)],
)
async def test_a_rate_limit_is_waited_for_an_hour_by_itself_and_two_at_most(
    harness: Harness, said: str, waited: timedelta
) -> None:
    failed = product_sights.failed(f"activity fetch_products: Amazon: {said}")
    handle = await waits(harness, schedules=failed.model_copy(update={"observed_at": NOW - 50 * MINUTE}))
    state = await harness.state(handle)
    assert state.waits_until is not None
    assert abs(state.waits_until - await harness.now() - waited) < 5 * timedelta(seconds=1)
    await harness.closes(handle)


async def test_an_application_that_is_away_is_healed_by_its_own_incident_and_judged_then(
    harness: Harness,
) -> None:
    away = {"last_sync": product_sights.AWAY, "health": sights.REFUSED, "process": sights.stopped(LONG_AGO)}
    handle = await fired(harness, schedules=product_sights.FORGOTTEN, **away)
    await harness.sleep(5)
    down = harness.incident("ServiceDown/backend")
    await harness.until(down, "awaiting approval")
    assert harness.world.pages() == ["On-Call"], "by ServiceDown alone"
    harness.world.last_sync = STALE
    await down.signal("approve")
    review = await harness.end(handle)
    assert says(review, "started ServiceDown/backend")
    assert (review.outcome, review.cause) == (Outcome.RESOLVED, "paused")
    assert harness.world.done == ["start backend", UNPAUSE, SYNC]


async def test_an_application_that_stays_away_points_at_its_own_incident(harness: Harness) -> None:
    handle = await fired(harness, last_sync=product_sights.AWAY, health=sights.REFUSED, process=sights.PAUSED)
    await harness.sleep(5)
    down = harness.incident("ServiceDown/backend")
    await harness.until(down, "awaiting approval")
    assert (await harness.state(handle)).phase != "escalated"
    await down.signal("deny")
    state = await harness.until(handle, "escalated")
    assert any("see ServiceDown/backend" in entry.text for entry in state.timeline)
    assert harness.world.done == []


async def test_synced_by_itself_meanwhile_nothing_is_done(harness: Harness) -> None:
    handle = await waits(harness, schedules=LIMITED_NOW)
    harness.world.last_sync = SYNCED
    review = await ends(harness, handle, 10 * MINUTE)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [])


async def test_the_end_of_the_alert_ends_the_wait(harness: Harness) -> None:
    handle = await waits(harness, schedules=LIMITED_NOW)
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED_ELSEWHERE, [])


async def test_a_person_who_is_done_ends_the_wait(harness: Harness) -> None:
    handle = await waits(harness, schedules=LIMITED_NOW)
    review = await harness.closes(handle)
    assert (review.outcome, harness.world.done) == (Outcome.CLOSED_BY_HUMAN, [])


async def test_a_new_run_waits_for_what_is_left_of_the_rate_limit(harness: Harness) -> None:
    handle = await waits(harness, schedules=LIMITED_NOW)
    before = await harness.state(handle)
    handle = await told_for_months(harness, handle)
    assert (await harness.state(handle)).waits_until == before.waits_until
    review = await ends(harness, handle, 90 * MINUTE)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [FEWER])


async def test_a_sync_that_is_answered_429_is_asked_for_again_by_fewer_once(harness: Harness) -> None:
    harness.world.throttled = [20 * MINUTE]
    handle = await waits(harness, schedules=product_sights.CRASHED)
    assert harness.world.done == [SYNC]
    handle = await told_for_months(harness, handle)
    review = await ends(harness, handle, 20 * MINUTE)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [SYNC, FEWER])
    assert review.cause == "loop crashed"


async def test_a_sync_that_is_answered_429_is_waited_for_two_hours_at_most(harness: Harness) -> None:
    harness.world.throttled = [timedelta(days=1)]
    handle = await waits(harness, schedules=product_sights.CRASHED)
    review = await ends(harness, handle, 2 * HOUR)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [SYNC, FEWER])


async def test_a_limit_that_still_holds_is_a_persons_business(harness: Harness) -> None:
    harness.world.throttled = [MINUTE, MINUTE, MINUTE]
    handle = await waits(harness, schedules=product_sights.CRASHED)
    await harness.sleep(MINUTE)
    await harness.until(handle, "escalated")
    assert harness.world.done == [SYNC, FEWER]
    await harness.closes(handle)


async def test_a_limit_that_was_waited_for_and_still_holds_is_one_too(harness: Harness) -> None:
    harness.world.throttled = [MINUTE, MINUTE]
    handle = await waits(harness, schedules=LIMITED_NOW)
    await harness.sleep(90 * MINUTE)
    state = await harness.until(handle, "escalated")
    assert harness.world.done == [FEWER]
    assert any("still holds" in entry.text for entry in state.timeline)
    await harness.closes(handle)


async def test_a_sync_that_is_taken_and_limited_later_is_asked_for_again_by_fewer(harness: Harness) -> None:
    harness.world.sync_helps = False
    handle = await waits(harness, schedules=product_sights.CRASHED)
    harness.world.schedules = LIMITED_NOW
    await harness.sleep(6 * MINUTE)
    harness.world.sync_helps = True
    state = await harness.until_it_waits(handle)
    assert "rate limit" in state.waits_for
    review = await ends(harness, handle, 90 * MINUTE)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [SYNC, FEWER])


async def test_a_sync_without_effect_is_not_repeated(harness: Harness) -> None:
    harness.world.sync_helps = False
    harness.world.watched["watch_sync"] = sights.FAILING
    handle = await fired(harness, schedules=product_sights.CRASHED)
    await harness.until(handle, "escalated")
    assert harness.world.done == [SYNC]
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_nothing_wrong_is_self_recovered_and_nothing_is_touched(harness: Harness) -> None:
    review = await harness.end(await fired(harness, last_sync=SYNCED, schedules=product_sights.MEANT))
    assert (review.outcome, harness.world.done) == (Outcome.SELF_RECOVERED, [])


async def test_an_api_that_refuses_us_is_announced_and_nothing_is_touched(harness: Harness) -> None:
    handle = await fired(harness, last_sync=product_sights.UNSEEN, schedules=product_sights.FORGOTTEN)
    state = await harness.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    assert harness.world.done == []
    await harness.closes(handle)


@pytest.mark.parametrize(
    "at_work",
    [
        {"last_sync": STALE.model_copy(update={"running": True})},
        {"product_count": product_sights.GROWING},
        {"schedules": product_sights.AT_WORK},
    ],
    ids=["it says so", "products are added", "its run is at work"],
)
async def test_a_sync_that_goes_on_is_left_alone(harness: Harness, at_work: dict[str, Any]) -> None:
    handle = await waits(harness, **at_work)
    assert (await harness.state(handle)).waits_for == "a sync is going on"
    harness.world.last_sync = SYNCED
    review = await ends(harness, handle, MINUTE)
    assert (review.outcome, review.cause, harness.world.done) == (Outcome.RESOLVED, "", [])


async def test_a_sync_that_never_ends_is_judged_after_its_time(harness: Harness) -> None:
    handle = await waits(harness, schedules=product_sights.AT_WORK)
    harness.world.schedules = product_sights.STUCK
    review = await ends(harness, handle, 5 * MINUTE)
    assert (review.cause, harness.world.done) == ("loop crashed", [SYNC])


async def test_nobody_renews_the_credentials_and_nothing_is_restarted(harness: Harness) -> None:
    handle = await waits(harness, schedules=product_sights.REFUSED)
    await harness.until_true(lambda: "Content Team" in harness.world.pages())
    state = await harness.state(handle)
    assert state.waits_until is not None
    await harness.sleep(state.waits_until - await harness.now())
    await harness.until(handle, "escalated")
    assert harness.world.done == []
    await harness.closes(handle)


async def test_renewed_by_themselves_the_alert_ends_and_nothing_is_restarted(harness: Harness) -> None:
    handle = await waits(harness, schedules=product_sights.REFUSED)
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED_ELSEWHERE, [])


async def test_credentials_are_not_blamed_for_a_clock_that_is_wrong(harness: Harness) -> None:
    off = STALE.model_copy(update={"ahead": timedelta(minutes=12)})
    handle = await fired(harness, last_sync=off, schedules=product_sights.REFUSED)
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    assert (review.cause, harness.world.done) == ("clock wrong", [])
    assert says(review, "ruled out: invalid credentials")


async def test_a_pause_and_a_rate_limit_end_together(harness: Harness) -> None:
    both = loop(
        run(error="Amazon: 429, retry after 60 s"), paused=True, note="paused due to workflow failure: x: 429"
    )
    review = await harness.end(await fired(harness, schedules=both))
    assert (review.cause, review.also_seen[0]) == ("rate limit", "paused")
    assert harness.world.done == [UNPAUSE, FEWER]


async def test_a_pause_on_purpose_is_not_ended_for_another_cause(harness: Harness) -> None:
    meant = {"paused": True, "note": "ask lena", "on_purpose": "its note gives a reason"}
    handle = await fired(harness, schedules=loop(run(error="Amazon: 429"), **meant))
    await harness.until(handle, "awaiting approval")
    await handle.signal("deny")
    await harness.until(handle, "escalated")
    assert harness.world.done == []
    await harness.closes(handle)


@pytest.mark.parametrize("schedules", [product_sights.FORGOTTEN, product_sights.MEANT])
async def test_a_pause_after_which_something_else_synced_explains_nothing(
    harness: Harness, schedules: Any
) -> None:
    later = STALE.model_copy(update={"at": STALE.at and STALE.at + HOUR})
    handle = await fired(harness, schedules=schedules, last_sync=later)
    state = await harness.until(handle, "awaiting approval")
    assert state.cause == "unknown"
    await harness.closes(handle)
    assert harness.world.done == []


async def test_another_providers_429_is_not_theirs(harness: Harness) -> None:
    log = product_sights.logged("openai answered 429 Too Many Requests", "GET /api/products 429")
    handle = await fired(harness, logs=log, schedules=product_sights.CRASHED)
    assert (await harness.end(handle)).cause == "loop crashed"


async def test_a_run_that_somebody_terminated_is_not_made_good_unasked(harness: Harness) -> None:
    ended = loop(run(status="terminated", error="by lena@web: wrong prices: 429 of them"))
    handle = await fired(harness, schedules=ended)
    state = await harness.until(handle, "awaiting approval")
    assert state.cause == "unknown"
    await harness.closes(handle)
    assert harness.world.done == []


@pytest.mark.parametrize(
    "line",
    [
        "amazon: rate limit: 8 of 10 requests left",
        "INFO amazon client with rate limiter, 1 request a second",
        "amazon: the access token had expired, and was refreshed",
    ],
)
async def test_a_line_that_all_is_well_explains_nothing(harness: Harness, line: str) -> None:
    log = product_sights.logged(line)
    handle = await fired(harness, logs=log, schedules=product_sights.QUIET)
    state = await harness.until(handle, "awaiting approval")
    assert state.cause == "unknown"
    await harness.closes(handle)
    assert harness.world.done == []
