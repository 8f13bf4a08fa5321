"""Waiting for another incident: joined and never doubled, and nothing is held back from it."""

from __future__ import annotations

import gc
from datetime import timedelta

import pytest

from activities.postgres.database_seen import DatabaseKind
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Incident, Night
from tests.workflows.scenes import failing
from tests.workflows.stewardship.test_stewardship import CRASH, KILL, first_of_two, queued, service_down


async def its_database_is_lost(night: Night) -> None:
    """The backend's database died; once it is started, nobody knows yet that it is well."""
    await failing(
        health=sights.REFUSED, database=sights.database(DatabaseKind.REFUSED), database_process=CRASH
    )(night)
    night.world.hold("watch_database")


async def its_database_asks(night: Night) -> None:
    """The backend crashed, its database hangs, and somebody must approve its restart."""
    hung = sights.database(DatabaseKind.TIMED_OUT)
    await failing(health=sights.REFUSED, process=CRASH, database=hung)(night)


async def its_database_is_asked_about(night: Night) -> Incident:
    """The incident of the database, once somebody is asked there."""
    await night.until_true(lambda: "look_at_sessions" in night.world.called)
    healing = night.incident("DatabaseConnectionFailure/postgres")
    await night.until(healing, "awaiting approval")
    return healing


async def test_two_that_lost_one_database_join_one_incident(night: Night) -> None:
    await its_database_is_lost(night)
    one = await service_down(night)
    two = await night.fire(await night.alert("HighErrorRate"))
    await night.until_true(lambda: "watch_database" in night.world.called)
    healing = await night.incident("DatabaseConnectionFailure/postgres").describe()
    found_by = {pair.key.name: pair.value for pair in healing.typed_search_attributes}
    assert (found_by["AlertName"], found_by["Service"]) == ("DatabaseConnectionFailure", "postgres")
    for handle in (one, two):
        timeline = [entry.text for entry in (await night.state(handle)).timeline]
        assert any("DatabaseConnectionFailure/postgres, and waits for its end" in text for text in timeline)
    assert night.world.done == ["start postgres"], "the dependents wait"
    night.world.let_go("watch_database")
    assert (await night.end(one)).outcome is Outcome.RESOLVED
    assert (await night.end(two)).outcome is Outcome.RESOLVED
    assert night.world.done == ["start postgres", "restart backend"]
    reviews = [review.incident for review in night.world.reviews]
    assert sorted(reviews) == [
        "DatabaseConnectionFailure/postgres",
        "HighErrorRate/backend",
        "ServiceDown/backend",
    ]


async def test_resolved_while_waiting_for_another_incident_it_is_over(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    await its_database_is_lost(night)
    handle = await service_down(night)
    await night.until_true(lambda: "watch_database" in night.world.called)
    await night.resolve(handle)
    review = await night.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert review.summary.endswith("; handed to DatabaseConnectionFailure/postgres.")
    assert "What was done by DatabaseConnectionFailure/postgres stands in its own review." in review.remarks
    night.world.let_go("watch_database")
    await night.end(night.incident("DatabaseConnectionFailure/postgres"))
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_who_waits_for_a_database_holds_nothing_back_from_it(night: Night) -> None:
    first, second = await first_of_two(night)
    await first.signal("approve")
    night.world.hold("start_service")
    await night.until_true(lambda: "start_service" in night.world.called)
    night.world.database = sights.database(DatabaseKind.REFUSED)
    night.world.database_process = CRASH
    night.world.hold("watch_database")
    night.world.let_go("start_service")
    await night.end(first)
    await night.until_true(lambda: "watch_database" in night.world.called)
    night.world.health = sights.REFUSED
    night.world.let_go("watch_database")
    assert (await night.end(second)).cause == "database lost"
    assert night.world.done[-2:] == ["start postgres", "restart backend"]


async def test_what_was_healed_before_the_line_counts_as_resolved(night: Night) -> None:
    """The database is started; its application is in other hands, and well when they let go."""
    night.world.port = sights.TAKEN_PORT
    first = await service_down(night)
    await night.until(first, "awaiting approval")
    night.world.database = sights.database(DatabaseKind.REFUSED)
    night.world.database_process = CRASH
    alert = await night.alert("DatabaseConnectionFailure", service="postgres")
    second = await night.fire(alert)
    await queued(night, second)
    await first.signal("approve")
    await night.end(first)
    review = await night.end(second)
    assert review.outcome is Outcome.RESOLVED
    assert night.world.done == ["start postgres", KILL, "start backend"]
    assert any("to be looked at again" in entry.text for entry in review.timeline)


async def test_blind_after_the_database_was_healed_nothing_more_is_done(night: Night) -> None:
    await its_database_is_lost(night)
    handle = await service_down(night)
    await night.until_true(lambda: "watch_database" in night.world.called)
    night.world.health = sights.BLIND
    night.world.watched["watch_health"] = sights.UNSEEN
    night.world.let_go("watch_database")
    await night.until(handle, "escalated")
    assert night.world.done == ["start postgres"]
    await night.closes(handle)


async def test_waiting_takes_no_activity_slot(night: Night) -> None:
    await its_database_is_lost(night)
    handle = await service_down(night)
    await night.until_true(lambda: "watch_database" in night.world.called)
    assert (await handle.describe()).raw_description.pending_activities == []
    night.world.let_go("watch_database")
    assert (await night.end(handle)).outcome is Outcome.RESOLVED


async def test_who_joined_a_terminated_incident_goes_on(night: Night) -> None:
    await its_database_asks(night)
    handle = await service_down(night)
    healing = await its_database_is_asked_about(night)
    await healing.terminate("somebody gave up")
    await night.env.sleep(timedelta(minutes=3))
    timeline = [entry.text for entry in (await night.end(handle)).timeline]
    assert "DatabaseConnectionFailure/postgres ended: it was terminated" in timeline


async def test_an_incident_that_escalated_is_not_waited_for(night: Night) -> None:
    await its_database_asks(night)
    first = await service_down(night)
    healing = await its_database_is_asked_about(night)
    await healing.signal("deny")
    await night.end(first)
    late = await night.fire(await night.alert("HighErrorRate"))
    review = await night.end(late)
    for one in (await night.state(first), review):
        assert any("needs a person, and is not waited for" in entry.text for entry in one.timeline)
    await night.closes(healing)


async def test_done_while_waiting_for_another_incident_closes_this_one(night: Night) -> None:
    await its_database_asks(night)
    handle = await service_down(night)
    healing = await its_database_is_asked_about(night)
    await handle.signal("done")
    assert (await night.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    await night.resolve(healing)
    await night.end(healing)


@pytest.mark.parametrize("signal", ["incident_waits", "incident_ended", "steward_says"])
@pytest.mark.parametrize("said", [[], [7], [{"incident": "A/b"}]], ids=["nothing", "a number", "half of it"])
async def test_raw_input_of_a_signal_breaks_nothing(night: Night, signal: str, said: list[object]) -> None:
    handle = await night.fire(await night.alert(), start_signal=signal, start_signal_args=said)
    assert (await night.end(handle)).outcome is Outcome.RESOLVED
