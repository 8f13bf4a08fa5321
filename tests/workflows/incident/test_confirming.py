"""Whether an alert is true, and whether it is over: each with as much certainty as acting needs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.health.health_seen import HealthSeen
from activities.monitoring.alertmanager import AlertSourceSeen
from models.evidence.evidence import Finding
from models.incident.incident import IncidentState, Outcome
from models.incident.review import Review
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.scenes import CRASH

STILL_ACTIVE = AlertSourceSeen(finding=Finding.BAD, reason="Alertmanager still has ServiceDown for backend")
NOT_ASKED = AlertSourceSeen(reason="Alertmanager cannot be asked: connection refused")
MINUTE = timedelta(minutes=1)


def says(about: Review | IncidentState, words: str) -> bool:
    return any(words in entry.text for entry in about.timeline)


async def test_one_good_probe_closes_nothing(harness: Harness) -> None:
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert says(review, "3 samples over 4 s")
    assert harness.world.called.count("probe_health") >= 3


@pytest.mark.parametrize("good", [1, 2])
async def test_answers_that_alternate_are_bad(harness: Harness, good: int) -> None:
    harness.world.process = sights.RUNNING
    harness.world.healths = [sights.HEALTHY] * good
    harness.configure(page_after="0s")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: bool(harness.world.pages()))
    state = await harness.state(handle)
    assert says(state, "confirmed: connection refused")
    assert not says(state, "not true any more")


async def test_well_here_and_still_active_at_its_source_is_waited_for(harness: Harness) -> None:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    harness.world.source = STILL_ACTIVE
    handle = await harness.fire(await harness.alert())
    await harness.sleep(MINUTE)
    assert (await harness.state(handle)).phase == "triage"
    harness.world.source = sights.SOURCE_AGREES
    review = await harness.end(handle)
    assert review.outcome is Outcome.SELF_RECOVERED
    assert harness.world.pages() == []


async def test_well_here_and_never_over_at_its_source_a_person_is_called(harness: Harness) -> None:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    harness.world.source = STILL_ACTIVE
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert says(state, "but Alertmanager still has ServiceDown for backend; no action taken")
    assert harness.world.done == []
    assert await harness.now() - state.alert.starts_at < timedelta(minutes=6), "by its deadline"


async def test_a_person_ends_the_wait_for_the_source(harness: Harness) -> None:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    harness.world.source = STILL_ACTIVE
    handle = await harness.fire(await harness.alert())
    await harness.sleep(MINUTE / 2)
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_a_source_that_cannot_be_asked_leaves_it_to_the_samples(harness: Harness) -> None:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    harness.world.source = NOT_ASKED
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert says(review, "cannot be asked")


async def test_what_is_throttled_is_looked_at_again_when_it_asks_for_that(harness: Harness) -> None:
    harness.world.process = sights.RUNNING
    harness.world.healths = [sights.THROTTLED, sights.THROTTLED]
    harness.world.health = sights.HEALTHY
    handle = await harness.fire(await harness.alert())
    review = await harness.end(handle)
    assert review.outcome is Outcome.SELF_RECOVERED
    assert says(review, "waits 1 min: throttled")
    assert harness.world.pages() == []


async def test_what_stays_throttled_is_a_persons(harness: Harness) -> None:
    harness.world.process, harness.world.health = sights.RUNNING, sights.THROTTLED
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert says(state, "could not verify the alert: throttled: answered 429; no action taken")
    assert await harness.now() - state.alert.starts_at <= timedelta(minutes=6)
    assert harness.world.done == []


async def test_a_person_ends_the_wait_for_what_is_throttled(harness: Harness) -> None:
    harness.world.process, harness.world.health = sights.RUNNING, sights.THROTTLED
    handle = await harness.fire(await harness.alert())
    await harness.sleep(MINUTE / 2)
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_a_crash_is_not_waited_for_whatever_stands_before_it(harness: Harness) -> None:
    harness.world.health = sights.THROTTLED
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: bool(harness.world.done))
    assert says(await harness.state(handle), "confirmed: exited with code 1")


@pytest.mark.parametrize("seen", [sights.NOT_FITTING, sights.BLIND])
async def test_a_check_that_does_not_fit_restarts_nothing(harness: Harness, seen: HealthSeen) -> None:
    harness.world.process, harness.world.health = sights.RUNNING, seen
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert says(state, seen.reason)
    await harness.sleep(MINUTE * 20)
    assert harness.world.done == []


# Nothing closes as over while the service's own process is down.


async def test_well_by_another_replica_while_its_own_process_is_down_a_person_is_called(
    harness: Harness,
) -> None:
    harness.world.process, harness.world.errors = CRASH, sights.FEW_ERRORS
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    state = await harness.until(handle, "escalated")
    assert says(
        state, "the process of backend itself is down, although something else answers: exited with code 1"
    )
    await harness.until_true(lambda: "On-Call" in harness.world.pages())
    await harness.resolve(handle)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE


async def test_resolved_at_its_source_while_its_own_process_is_down_it_stays_open(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "awaiting approval")
    await handle.signal("alert_changed", state.alert.model_copy(update={"status": "resolved"}))
    await harness.until(handle, "escalated")
    await harness.sleep(MINUTE * 5)
    assert (await harness.state(handle)).phase == "escalated"
    harness.world.process = sights.RUNNING
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE


# An alert that names no service.


async def test_without_a_service_label_only_the_check_itself_confirms_the_default(harness: Harness) -> None:
    harness.world.health, harness.world.process = sights.HEALTHY, sights.PAUSED
    handle = await harness.fire(await harness.alert(named_by_rule=True))
    review = await harness.end(handle)
    assert review.outcome is Outcome.SELF_RECOVERED
    assert says(review, "its labels name no service: backend is the default of its rule")
    assert harness.world.done == []


async def test_without_a_service_label_blindness_touches_nothing(harness: Harness) -> None:
    harness.world.health, harness.world.process = sights.BLIND, CRASH
    handle = await harness.fire(await harness.alert(named_by_rule=True))
    await harness.until(handle, "escalated")
    assert harness.world.done == []


async def test_without_a_service_label_what_the_check_confirms_is_healed(harness: Harness) -> None:
    review = await harness.end(await harness.fire(await harness.alert(named_by_rule=True)))
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"]
    assert says(review, "its labels name no service: backend is the default of its rule")
