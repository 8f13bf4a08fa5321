"""What HighMemoryUsage does beside its table: it asks, it offers, it hurries, and it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.managers.process_seen import ProcessSeen
from models.evidence.evidence import Evidence, Finding, VerificationResult
from models.incident.incident import IncidentState, Outcome
from tests.parts.product.signing import by, decide
from tests.workflows import heaps, sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.heaps import CLEARS, DIAGNOSTIC, WARNING, filling

TAKE = "take a diagnostic of the memory of backend by SIGUSR2"
LARGER = "set NODE_OPTIONS=--max-old-space-size=4096 in the environment of backend and recreate it"


async def fired(harness: Harness) -> Incident:
    return await harness.fire(await harness.alert("HighMemoryUsage"))


def told(state: IncidentState, words: str) -> bool:
    return any(words in entry.text for entry in state.timeline)


async def test_what_is_urgent_is_done_at_once_and_says_why(harness: Harness) -> None:
    harness.configure(**WARNING)
    await filling(heaps.SOON)(harness)
    review = await harness.end(await fired(harness))
    assert harness.world.done == ["restart backend"]
    assert review.performed[0].approved_by == "policy (guarded, urgent)"
    why = "urgent, so nobody is asked: the heap of backend is full in 8 min"
    assert any(entry.text == why for entry in review.timeline)


@pytest.mark.parametrize("severity", ["info", "warning"])
async def test_what_is_not_certain_or_only_for_information_waits_for_a_person(
    harness: Harness, severity: str
) -> None:
    harness.configure(alerts={"HighMemoryUsage": {"severity": severity}})
    await filling(heaps.SOON if severity == "info" else heaps.PERHAPS_SOON)(harness)
    handle = await fired(harness)
    state = await harness.until(handle, "awaiting approval")
    assert not told(state, "urgent")
    assert harness.world.done == []


async def test_a_process_of_unknown_age_is_not_restarted_unasked(harness: Harness) -> None:
    harness.configure(**WARNING)
    process = sights.RUNNING.model_copy(update={"started_at": None})
    await filling(heaps.SOON, process=process)(harness)
    await harness.until(await fired(harness), "awaiting approval")
    assert harness.world.done == []


async def test_a_person_may_choose_a_larger_heap(harness: Harness) -> None:
    harness.configure(**DIAGNOSTIC)
    await filling(heaps.GROWING, heap_limit=heaps.LARGER)(harness)
    handle = await fired(harness)
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    assert state.awaiting.plan.says == f"{TAKE}, then restart backend"
    other = next(one for one in state.awaiting.options if LARGER in one.plan.says)
    await decide(handle, by("anna", plan=other.digest))
    review = await harness.end(handle)
    assert harness.world.done == [TAKE, LARGER]
    assert review.outcome is Outcome.RESOLVED


async def test_a_diagnostic_that_fails_does_not_keep_it_from_the_restart(harness: Harness) -> None:
    harness.configure(**DIAGNOSTIC)
    await filling(heaps.SOON)(harness)
    harness.world.fails = {"take_diagnostic": "no diagnostic: SIGUSR2 was not sent"}
    review = await harness.end(await fired(harness))
    assert harness.world.done == [TAKE, "restart backend"]
    assert (review.outcome, review.performed[0].done) == (Outcome.RESOLVED, True)
    assert review.performed[0].found == "no diagnostic: SIGUSR2 was not sent; done"


async def test_a_restart_that_fails_is_not_covered_by_its_diagnostic(harness: Harness) -> None:
    harness.configure(**DIAGNOSTIC)
    await filling(heaps.SOON)(harness)
    harness.world.fails = {"restart_service": "the engine does not answer"}
    handle = await fired(harness)
    state = await harness.until(handle, "escalated")
    assert told(state, "the fix failed")
    assert harness.world.done == [TAKE, "restart backend"]


async def test_a_fix_without_effect_is_not_repeated(harness: Harness) -> None:
    harness.configure(**CLEARS)
    await filling(heaps.SOON, caches=heaps.BLOATED)(harness)
    harness.world.watched["watch_memory"] = VerificationResult(
        finding=Finding.BAD, reason="not under 90% of the heap within 6 min: 94% of the heap in use"
    )
    handle = await fired(harness)
    state = await harness.until(handle, "escalated")
    assert told(state, "backend still fails: not under 90% of the heap")
    assert harness.world.done == ["clear the caches of backend, which hold 900 MiB"]


async def test_nothing_wrong_is_left_alone(harness: Harness) -> None:
    await filling(heaps.WELL)(harness)
    review = await harness.end(await fired(harness))
    assert (review.outcome, harness.world.done) == (Outcome.SELF_RECOVERED, [])


async def test_monitoring_that_is_blind_is_told_and_nothing_is_touched(harness: Harness) -> None:
    await filling(heaps.BLIND, emitters=heaps.LISTENERS, caches=heaps.BLOATED)(harness)
    handle = await fired(harness)
    state = await harness.until(handle, "escalated")
    assert told(state, "could not verify the alert: Prometheus cannot be asked")
    assert harness.world.done == []


async def test_an_alert_that_is_over_before_the_approval_stops_it(harness: Harness) -> None:
    harness.configure(**WARNING)
    await filling(heaps.GROWING)(harness)
    handle = await fired(harness)
    await harness.until(handle, "awaiting approval")
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED_ELSEWHERE, [])


async def test_an_urgent_restart_that_was_in_vain_is_asked_about(harness: Harness) -> None:
    """It was restarted for this alert, and is full soon again: a person decides."""
    harness.configure(**WARNING)
    await filling(heaps.SOON)(harness)
    alert = await harness.alert("HighMemoryUsage")
    await harness.end(await harness.fire(alert))
    assert harness.world.done == ["restart backend"]
    handle = await harness.fire(alert)
    await harness.until(handle, "awaiting approval")
    assert harness.world.done == ["restart backend"]


@pytest.mark.parametrize(
    ("configuration", "first", "then"),
    [
        (
            CLEARS,
            {"caches": heaps.BLOATED},
            {"caches": heaps.BLOATED.model_copy(update={"total": 950 * 2**20})},
        ),
        (DIAGNOSTIC, {}, {"memory": heaps.SOON.model_copy(update={"full_in": timedelta(minutes=3)})}),
    ],
    ids=["caches of another size", "no time for a diagnostic"],
)
async def test_a_fix_in_vain_is_known_whatever_was_seen_the_second_time(
    harness: Harness, configuration: dict[str, Any], first: dict[str, Evidence], then: dict[str, Evidence]
) -> None:
    harness.configure(**configuration)
    await filling(heaps.SOON, **first)(harness)
    alert = await harness.alert("HighMemoryUsage")
    await harness.end(await harness.fire(alert))
    done = list(harness.world.done)
    vars(harness.world).update(then)
    state = await harness.until(await harness.fire(alert), "awaiting approval")
    assert harness.world.done == done
    assert state.awaiting is not None
    assert state.awaiting.plan.why.startswith("done before, at ")


async def test_an_alert_that_comes_back_after_each_of_three_restarts_is_asked_about(harness: Harness) -> None:
    harness.configure(**WARNING)
    await filling(heaps.SOON)(harness)
    for _ in range(3):
        await harness.end(await fired(harness))
        await harness.sleep(timedelta(minutes=5))
    state = await harness.until(await fired(harness), "awaiting approval")
    assert harness.world.done == ["restart backend"] * 3
    assert state.awaiting is not None
    assert state.awaiting.plan.why.startswith("done 3 times within 1 h, and it comes back: ")


@pytest.mark.parametrize(
    "process", [sights.stopped(sights.LONG_AGO), sights.PAUSED], ids=["stopped", "paused"]
)
async def test_what_somebody_stopped_meanwhile_is_not_started_unasked(
    harness: Harness, process: ProcessSeen
) -> None:
    """Prometheus still has the last samples of its heap."""
    harness.configure(**WARNING)
    await filling(heaps.SOON, process=process)(harness)
    await harness.until(await fired(harness), "awaiting approval")
    assert harness.world.done == []


async def test_room_in_the_heap_of_a_sick_service_closes_nothing(harness: Harness) -> None:
    harness.configure(**WARNING)
    await filling(heaps.SOON)(harness)
    harness.world.watched["watch_health"] = sights.FAILING
    handle = await fired(harness)
    state = await harness.until(handle, "escalated")
    assert told(state, "backend still fails: never well for long")
    await harness.closes(handle)
