"""Maintenance windows: alerts are looked at, nothing is done, nobody is called; then it is judged afresh."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from models.calendar import Calendar
from models.incident.incident import Outcome, Phase
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import scene
from tests.workflows.switch import begin, end, resume, suspend
from tests.workflows.world import World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
START = "start backend"


async def fired(harness: Harness, name: str = "ServiceDown") -> Incident:
    return await harness.fire(await harness.alert(name))


def nobody_called(world: World) -> bool:
    return not world.pages() and all(title.startswith(("Begins: ", "Over: ")) for title in world.notices())


async def test_an_alert_within_a_window_is_looked_at_and_repaired_at_its_end(harness: Harness) -> None:
    window = await begin(harness, service="backend")
    handle = await fired(harness)
    state = await harness.until(handle, "paused")
    assert state.cause == "crash", "what was found is shown"
    assert state.paused.startswith("maintenance of backend until ")
    assert state.paused.endswith(" by ada: a migration")
    assert state.paused_until == window.begins + HOUR
    await harness.sleep(58 * MINUTE)
    assert (harness.world.done, nobody_called(harness.world)) == ([], True)
    looks = harness.world.called.count("probe_health")
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [START])
    assert harness.world.called.count("probe_health") > looks, "judged afresh"
    windows = [one for one in harness.world.notices() if one.startswith(("Begins: ", "Over: "))]
    assert windows[:2] == [
        f"Begins: {state.paused}",
        f"Over: {state.paused}",
    ]


async def test_what_is_well_at_its_end_closes_without_a_word(harness: Harness) -> None:
    await begin(harness)
    handle = await fired(harness)
    await harness.until(handle, "paused")
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    await harness.sleep(HOUR)
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.SELF_RECOVERED, [])
    assert nobody_called(harness.world)
    assert [one.title for one in harness.world.told if "closed" in one.title] == []


async def test_the_ladder_has_as_much_time_left_afterwards_as_before(harness: Harness) -> None:
    """The second rung is due five minutes after the alert began; two of them have passed at its begin."""
    harness.world.works = False
    harness.world.port = sights.TAKEN_PORT
    handle = await fired(harness)
    await harness.until(handle, "awaiting approval")
    await harness.sleep(2 * MINUTE)
    paged = harness.world.pages()
    assert "Team Lead" not in paged
    await begin(harness)
    await harness.until(handle, "paused")
    await harness.sleep(59 * MINUTE)
    assert harness.world.pages() == paged, "no rung within the window"
    await harness.until(handle, "awaiting approval")
    await harness.sleep(2 * MINUTE)
    assert harness.world.pages() == paged, "the deadline stood still"
    await harness.sleep(2 * MINUTE)
    assert harness.world.pages() == [*paged, "Team Lead"]
    await harness.closes(handle)


@pytest.mark.parametrize("escalated", [False, True])
async def test_an_alert_that_is_resolved_within_the_window_closes(harness: Harness, escalated: bool) -> None:
    if escalated:  # nothing that could be done: it would call a person
        harness.world.health, harness.world.process = sights.BLIND, sights.UNSEEN_PROCESS
    await begin(harness)
    handle = await fired(harness)
    await harness.until(handle, "paused")
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert nobody_called(harness.world)


async def test_a_persons_done_closes_within_the_window(harness: Harness) -> None:
    await begin(harness)
    handle = await fired(harness)
    await harness.until(handle, "paused")
    review = await harness.closes(handle)
    assert (review.outcome, nobody_called(harness.world)) == (Outcome.CLOSED_BY_HUMAN, True)


async def test_what_would_call_a_person_calls_nobody_until_the_end(harness: Harness) -> None:
    harness.world.health, harness.world.process = sights.BLIND, sights.UNSEEN_PROCESS
    await begin(harness)
    handle = await fired(harness)
    state = await harness.until(handle, "paused")
    assert any("nobody is called while it is paused" in one.text for one in state.timeline)
    await harness.sleep(58 * MINUTE)
    assert nobody_called(harness.world)
    await harness.until(handle, "escalated")
    await harness.until_true(lambda: "On-Call" in harness.world.pages())
    await harness.closes(handle)


async def test_a_window_that_ends_early_lets_it_go_on_at_once(harness: Harness) -> None:
    await begin(harness, 5 * HOUR)
    handle = await fired(harness)
    await harness.until(handle, "paused")
    await harness.sleep(20 * MINUTE)
    ended = await harness.now()
    await end(harness)
    await harness.until_true(lambda: harness.world.done == [START])
    assert await harness.now() - ended < MINUTE
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_of_windows_that_overlap_the_last_to_end_counts(harness: Harness) -> None:
    first = await begin(harness, HOUR)
    await begin(harness, HOUR, id="second", service="backend", begins=first.begins + HOUR / 2)
    handle = await fired(harness)
    state = await harness.until(handle, "paused")
    assert state.paused_until == first.begins + 1.5 * HOUR
    await harness.sleep(85 * MINUTE)
    assert (harness.world.done, nobody_called(harness.world)) == ([], True)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


@pytest.mark.parametrize(("key", "value"), [("service", "postgres"), ("alert", "HighErrorRate")])
async def test_a_window_for_another_service_or_alert_changes_nothing(
    harness: Harness, key: str, value: str
) -> None:
    await begin(harness, HOUR, **{key: value})
    review = await harness.end(await fired(harness))
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [START])


async def test_a_planned_window_begins_and_pauses_what_is_open(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    now = await harness.now()
    await begin(harness, begins=now + HOUR)
    handle = await fired(harness)
    await harness.until(handle, "awaiting approval")
    await harness.sleep(HOUR)
    state = await harness.until(handle, "paused")
    assert state.awaiting is None
    told = len(harness.world.told)
    await harness.sleep(50 * MINUTE)
    assert len(harness.world.told) == told
    await harness.until(handle, "awaiting approval")
    await harness.closes(handle)


async def test_one_that_comes_again_is_in_force_each_time(harness: Harness) -> None:
    now = (await harness.now()).astimezone(UTC)
    at = (now + 2 * HOUR).replace(second=0, microsecond=0)
    daily = Calendar.model_validate({"at": f"{at:%H:%M}", "time_zone": "UTC"})
    await begin(harness, HOUR, again=daily)
    for day in (0, 1):
        await harness.sleep(at + timedelta(days=day) + 5 * MINUTE - await harness.now())
        handle = await fired(harness)
        await harness.until(handle, "paused")
        await harness.sleep(HOUR)
        assert (await harness.end(handle)).outcome is Outcome.RESOLVED
        harness.world.health, harness.world.process = sights.REFUSED, sights.crashed(sights.LONG_AGO)
    begun = [title for title in harness.world.notices() if title.startswith("Begins: ")]
    assert len(begun) == 2, "once each time"


async def test_an_action_on_another_service_waits_for_that_services_window(harness: Harness) -> None:
    """The database is not in maintenance: its people are called, and its application is left alone."""
    limit = sights.role_at_its_limit("worker")
    lost = sights.log_with("database-lost")
    await scene(health=sights.REFUSED, process=sights.RUNNING, logs=lost, sessions=limit)(harness)
    await begin(harness, service="backend")
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    state = await harness.until(handle, "paused")
    assert state.paused.startswith("maintenance of backend until ")
    assert "On-Call" in harness.world.pages()
    assert not any("restart" in done for done in harness.world.done)
    await harness.sleep(HOUR + MINUTE)
    assert not (await harness.state(handle)).paused
    await harness.closes(handle)


async def test_what_was_escalated_before_keeps_its_person_and_its_deadlines(harness: Harness) -> None:
    harness.world.works = False
    handle = await fired(harness)
    await harness.until(handle, "escalated")
    await harness.sleep(10)
    paged = harness.world.pages()
    await begin(harness, 3 * HOUR)
    await harness.sleep(2 * HOUR + 50 * MINUTE)
    state = await harness.state(handle)
    assert (harness.world.pages(), state.phase, bool(state.paused)) == (paged, Phase.ESCALATED, True)
    await harness.sleep(HOUR)
    assert len(harness.world.pages()) > len(paged), "the ladder climbs on"
    assert harness.world.done == [START], "it is not done again unasked"
    await harness.closes(handle)


async def test_retry_looks_and_acts_again(harness: Harness) -> None:
    harness.world.fails["start_service"] = "the engine is away"
    handle = await fired(harness)
    await handle.signal("retry", {"by": "ada"})
    await harness.until(handle, "escalated")
    del harness.world.fails["start_service"]
    await harness.sleep(10 * MINUTE)  # until its service lets the same be done again
    await handle.signal("retry", {"by": "ada"})
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, [START, START])
    assert any("retry did not count" in one.text for one in review.timeline), "the first came too early"


async def test_retry_after_a_denial_asks_again(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await fired(harness)
    await harness.until(handle, "awaiting approval")
    await handle.signal("deny")
    await harness.until(handle, "escalated")
    await handle.signal("retry")
    await harness.until(handle, "awaiting approval")
    await harness.closes(handle)


async def test_a_signal_that_says_so_pauses_nothing(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await fired(harness)
    await harness.until(handle, "awaiting approval")
    await handle.signal("control_room_changed", {"suspended": True, "by": "mallory"})
    await harness.sleep(5)
    state = await harness.state(handle)
    assert (state.phase, state.paused) == (Phase.AWAITING_APPROVAL, "")
    await harness.closes(handle)


async def test_an_incident_that_is_paused_adds_little_to_its_history(harness: Harness) -> None:
    await suspend(harness, by="ada", why="a migration")
    handle = await fired(harness)
    await harness.until(handle, "paused")
    before = (await handle.describe()).history_length
    await harness.sleep(timedelta(days=1))
    assert (await handle.describe()).history_length - before < 800
    await resume(harness, by="ada")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
