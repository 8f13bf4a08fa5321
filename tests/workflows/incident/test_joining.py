"""Waiting for another incident: joined and never doubled, and nothing is held back from it."""

from __future__ import annotations

import gc
from datetime import timedelta

import pytest

from activities.managers.process_seen import ProcessSeen
from activities.postgres.database_seen import DatabaseKind
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import failing
from tests.workflows.stewardship.test_stewardship import CRASH, KILL, first_of_two, queued, service_down


async def its_database_is_lost(harness: Harness) -> None:
    """The backend's database died; once it is started, nobody knows yet that it is well."""
    await failing(
        health=sights.REFUSED, database=sights.database(DatabaseKind.REFUSED), database_process=CRASH
    )(harness)
    harness.world.hold("watch_database")


async def its_database_asks(harness: Harness) -> None:
    """The backend crashed, its database hangs, and somebody must approve its restart."""
    hung = sights.database(DatabaseKind.TIMED_OUT)
    await failing(health=sights.REFUSED, process=CRASH, database=hung)(harness)


async def its_database_is_asked_about(harness: Harness) -> Incident:
    """The incident of the database, once somebody is asked there."""
    await harness.until_true(lambda: "look_at_sessions" in harness.world.called)
    healing = harness.incident("DatabaseConnectionFailure/postgres")
    await harness.until(healing, "awaiting approval")
    return healing


async def test_two_that_lost_one_database_join_one_incident(harness: Harness) -> None:
    await its_database_is_lost(harness)
    one = await service_down(harness)
    two = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    healing = await harness.incident("DatabaseConnectionFailure/postgres").describe()
    found_by = {pair.key.name: pair.value for pair in healing.typed_search_attributes}
    assert (found_by["AlertName"], found_by["Service"]) == ("DatabaseConnectionFailure", "postgres")
    for handle in (one, two):
        timeline = [entry.text for entry in (await harness.state(handle)).timeline]
        assert any("DatabaseConnectionFailure/postgres, and waits for its end" in text for text in timeline)
    assert harness.world.done == ["start postgres"], "the dependents wait"
    harness.world.let_go("watch_database")
    assert (await harness.end(one)).outcome is Outcome.RESOLVED
    assert (await harness.end(two)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["start postgres", "restart backend"]
    reviews = [review.incident for review in harness.world.reviews]
    assert sorted(reviews) == [
        "DatabaseConnectionFailure/postgres",
        "HighErrorRate/backend",
        "ServiceDown/backend",
    ]


async def test_resolved_while_waiting_for_another_incident_it_is_over(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    await its_database_is_lost(harness)
    handle = await service_down(harness)
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert review.summary.endswith("; handed to DatabaseConnectionFailure/postgres.")
    assert "What was done by DatabaseConnectionFailure/postgres is in its own review." in review.remarks
    harness.world.let_go("watch_database")
    await harness.end(harness.incident("DatabaseConnectionFailure/postgres"))
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_who_waits_for_a_database_holds_nothing_back_from_it(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await first.signal("approve")
    harness.world.hold("start_service")
    await harness.until_true(lambda: "start_service" in harness.world.called)
    harness.world.database = sights.database(DatabaseKind.REFUSED)
    harness.world.database_process = CRASH
    harness.world.hold("watch_database")
    harness.world.let_go("start_service")
    await harness.end(first)
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    harness.world.health = sights.REFUSED
    harness.world.let_go("watch_database")
    assert (await harness.end(second)).cause == "database lost"
    assert harness.world.done[-2:] == ["start postgres", "restart backend"]


async def test_what_was_healed_before_the_line_counts_as_resolved(harness: Harness) -> None:
    """The database is started; its application is held by another incident, and healthy when that lets go."""
    harness.world.port = sights.TAKEN_PORT
    first = await service_down(harness)
    await harness.until(first, "awaiting approval")
    harness.world.database = sights.database(DatabaseKind.REFUSED)
    harness.world.database_process = CRASH
    alert = await harness.alert("DatabaseConnectionFailure", service="postgres")
    second = await harness.fire(alert)
    await queued(harness, second)
    await first.signal("approve")
    await harness.end(first)
    review = await harness.end(second)
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start postgres", KILL, "start backend"]
    assert any("gathers evidence again" in entry.text for entry in review.timeline)


async def test_blind_after_the_database_was_healed_nothing_more_is_done(harness: Harness) -> None:
    await its_database_is_lost(harness)
    handle = await service_down(harness)
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    harness.world.health = sights.BLIND
    harness.world.watched["watch_health"] = sights.UNSEEN
    harness.world.let_go("watch_database")
    await harness.until(handle, "escalated")
    assert harness.world.done == ["start postgres"]
    await harness.closes(handle)


async def test_waiting_takes_no_activity_slot(harness: Harness) -> None:
    await its_database_is_lost(harness)
    handle = await service_down(harness)
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    assert (await handle.describe()).raw_description.pending_activities == []
    harness.world.let_go("watch_database")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_who_joined_a_terminated_incident_goes_on(harness: Harness) -> None:
    await its_database_asks(harness)
    handle = await service_down(harness)
    healing = await its_database_is_asked_about(harness)
    harness.world.database = sights.ANSWERS
    await healing.terminate("somebody gave up")
    await harness.sleep(timedelta(minutes=3))
    timeline = [entry.text for entry in (await harness.end(handle)).timeline]
    assert "DatabaseConnectionFailure/postgres ended: it was terminated" in timeline


async def test_an_incident_that_escalated_is_not_waited_for(harness: Harness) -> None:
    await its_database_asks(harness)
    first = await service_down(harness)
    healing = await its_database_is_asked_about(harness)
    await healing.signal("deny")
    await harness.until(first, "escalated")
    harness.world.process = sights.RUNNING
    late = await harness.fire(await harness.alert("HighErrorRate"))
    review = await harness.end(late)
    for one in (await harness.state(first), review):
        assert any("needs a person, and is not waited for" in entry.text for entry in one.timeline)
    await harness.closes(healing)
    ended = "DatabaseConnectionFailure/postgres ended: "
    timeline = [entry.text for entry in (await harness.state(first)).timeline]
    assert any(text.startswith(ended) for text in timeline), "whoever took it over hears of it"
    assert "DatabaseConnectionFailure/postgres ended" in harness.world.notices()
    await harness.closes(first)


@pytest.mark.parametrize("process", [sights.RUNNING, CRASH], ids=["it runs", "it crashed"])
async def test_while_its_database_is_lost_the_application_is_not_restarted(
    harness: Harness, process: ProcessSeen
) -> None:
    await its_database_asks(harness)
    harness.world.process = process
    handle = await service_down(harness)
    healing = await its_database_is_asked_about(harness)
    await healing.signal("deny")
    told = [entry.text for entry in (await harness.until(handle, "escalated")).timeline]
    still_lost = [text for text in told if "the database is still lost" in text]
    assert any("DatabaseConnectionFailure/postgres" in text for text in still_lost)
    assert harness.world.done == []
    for one in (handle, healing):
        await harness.closes(one)


async def test_a_restart_that_its_database_s_incident_did_in_vain_is_not_repeated_unasked(
    harness: Harness,
) -> None:
    await its_database_is_lost(harness)
    harness.world.hold("watch_health")
    handle = await service_down(harness)
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    harness.world.let_go("watch_database")
    await harness.until_true(lambda: "watch_health" in harness.world.called)
    harness.world.health = sights.REFUSED
    harness.world.watched["watch_health"] = sights.UNSEEN
    harness.world.let_go("watch_health")
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting
    assert "and it did not help" in state.awaiting.plan.why
    assert harness.world.done == ["start postgres", "restart backend"]
    del harness.world.watched["watch_health"]
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["start postgres", "restart backend", "restart backend"]
    await harness.closes(harness.incident("DatabaseConnectionFailure/postgres"))


async def test_done_while_waiting_for_another_incident_closes_this_one(harness: Harness) -> None:
    await its_database_asks(harness)
    handle = await service_down(harness)
    healing = await its_database_is_asked_about(harness)
    await handle.signal("done")
    assert (await harness.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    await harness.resolve(healing)
    await harness.end(healing)


@pytest.mark.parametrize("signal", ["incident_waits", "incident_ended", "steward_says"])
@pytest.mark.parametrize("said", [[], [7], [{"incident": "A/b"}]], ids=["nothing", "a number", "half of it"])
async def test_raw_input_breaks_nothing(harness: Harness, signal: str, said: list[object]) -> None:
    handle = await harness.fire(await harness.alert(), start_signal=signal, start_signal_args=said)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_a_restart_that_was_in_vain_is_not_repeated_unasked_by_another_runbook(
    harness: Harness,
) -> None:
    """The errors go on after it, and the same alert is looked at once more."""
    harness.world.errors, harness.world.memory = sights.MANY_ERRORS, sights.FILLING_HEAP
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    alert = await harness.alert("HighErrorRate")
    harness.world.watched["watch_errors"] = sights.FAILING
    first = await harness.fire(alert)
    await harness.until(first, "escalated")
    assert harness.world.done == ["restart backend"]
    await harness.closes(first)
    del harness.world.watched["watch_errors"]
    second = await harness.fire(alert)
    state = await harness.until(second, "awaiting approval")
    assert state.awaiting is not None
    assert "and it did not help" in state.awaiting.plan.why
    await second.signal("approve")
    assert (await harness.end(second)).outcome is Outcome.RESOLVED


async def test_a_dependent_that_was_restarted_since_its_database_answers_is_asked_about(
    harness: Harness,
) -> None:
    """Its own incident restarted it while the database is verified, and it is not healthy all the same."""
    await its_database_is_lost(harness)
    alert = await harness.alert("DatabaseConnectionFailure", service="postgres")
    healing = await harness.fire(alert)
    await harness.until_true(lambda: "watch_database" in harness.world.called)
    well = sights.STABLE.model_copy(update={"first_healthy_at": await harness.now()})
    harness.world.watched["watch_database"] = well
    assert (await harness.end(await service_down(harness))).outcome is Outcome.RESOLVED
    assert harness.world.done == ["start postgres", "restart backend"]
    harness.world.health = sights.REFUSED
    harness.world.let_go("watch_database")
    state = await harness.until(healing, "awaiting approval")
    assert state.awaiting is not None
    assert "and it did not help" in state.awaiting.plan.why
    await healing.signal("deny")
    await harness.until(healing, "escalated")
    await harness.closes(healing)
