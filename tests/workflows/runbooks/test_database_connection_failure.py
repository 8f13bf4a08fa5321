"""A database that comes back by itself is waited for, within a bound, and nothing is done to it."""

from __future__ import annotations

from datetime import timedelta

from activities.postgres.database_seen import DatabaseKind
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import failing, unreachable

WAIT = "wait_for_recovery"


async def it_recovers(harness: Harness) -> Incident:
    """The incident of a database that replays its WAL, once it is waited for."""
    await unreachable(DatabaseKind.RECOVERING)(harness)
    harness.world.hold(WAIT)
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    await harness.until_true(lambda: WAIT in harness.world.called)
    return handle


async def test_back_within_the_bound_it_called_nobody(harness: Harness) -> None:
    handle = await it_recovers(harness)
    harness.world.database = sights.ANSWERS
    harness.world.let_go(WAIT)
    review = await harness.end(handle)
    assert (review.outcome, review.cause) == (Outcome.RESOLVED, "recovering")
    assert harness.world.done == []
    assert harness.world.pages() == []
    assert "DatabaseConnectionFailure/postgres waits" in harness.world.notices()


async def test_the_incident_that_waits_for_it_ends_with_it(harness: Harness) -> None:
    await unreachable(DatabaseKind.RECOVERING, health=sights.REFUSED)(harness)
    harness.world.hold(WAIT)
    waits = await harness.fire(await harness.alert())
    await harness.until_true(lambda: WAIT in harness.world.called)
    harness.world.database, harness.world.health = sights.ANSWERS, sights.HEALTHY
    harness.world.let_go(WAIT)
    assert (await harness.end(waits)).outcome is Outcome.RESOLVED
    healing = await harness.end(harness.incident("DatabaseConnectionFailure/postgres"))
    assert healing.outcome is Outcome.RESOLVED
    assert harness.world.done == []


async def test_what_still_needs_it_connects_anew(harness: Harness) -> None:
    handle = await it_recovers(harness)
    harness.world.database, harness.world.health = sights.ANSWERS, sights.REFUSED
    harness.world.let_go(WAIT)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["restart backend"]


async def test_what_comes_back_in_another_trouble_is_looked_at_anew(harness: Harness) -> None:
    handle = await it_recovers(harness)
    harness.world.database = sights.database(DatabaseKind.REFUSED)
    harness.world.database_process = sights.crashed(sights.LONG_AGO)
    harness.world.let_go(WAIT)
    assert (await harness.end(handle)).cause == "down"
    assert harness.world.done == ["start postgres"]


async def test_beyond_the_bound_a_person_is_called_and_it_is_still_waited_for(harness: Harness) -> None:
    await unreachable(DatabaseKind.RECOVERING)(harness)
    harness.world.watched[WAIT] = sights.FAILING
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    await harness.until(handle, "escalated")
    assert harness.world.called.count(WAIT) == 2, "it was looked at after the call as well"
    assert "On-Call" in harness.world.pages()
    await harness.closes(handle)
    assert harness.world.done == []


async def test_the_end_of_the_alert_ends_the_wait(harness: Harness) -> None:
    handle = await it_recovers(harness)
    await harness.resolve(handle)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE
    harness.world.let_go(WAIT)


async def test_a_person_ends_the_wait(harness: Harness) -> None:
    handle = await it_recovers(harness)
    review = await harness.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    harness.world.let_go(WAIT)


async def test_it_counts_as_hung_only_when_it_does_not_answer_again_and_again(harness: Harness) -> None:
    await unreachable(DatabaseKind.TIMED_OUT)(harness)
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    await harness.until(handle, "awaiting approval")
    assert harness.world.called.count("check_database") >= 3
    await harness.closes(handle)


async def test_a_prepared_transaction_is_no_reason_to_restart_a_database(harness: Harness) -> None:
    blocked = sights.session(43).model_copy(update={"waits_for": (0,)})
    held = sights.deadlocked().model_copy(update={"blockers": (), "blocked": (blocked,)})
    await failing(sessions=held)(harness)
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    state = await harness.until(handle, "escalated")
    assert state.awaiting is None
    assert (await harness.closes(handle)).cause == "database deadlock"
    assert harness.world.done == []


async def test_a_container_whose_database_does_not_listen_yet_is_waited_for(harness: Harness) -> None:
    young = sights.RUNNING.model_copy(
        update={"started_at": sights.LONG_AGO, "observed_at": sights.LONG_AGO + timedelta(seconds=5)}
    )
    await unreachable(DatabaseKind.REFUSED, database_process=young)(harness)
    harness.world.hold(WAIT)
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    await harness.until_true(lambda: WAIT in harness.world.called)
    harness.world.database = sights.ANSWERS
    harness.world.let_go(WAIT)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert (harness.world.done, harness.world.pages()) == ([], [])


async def test_what_hangs_since_it_was_started_is_judged_after_the_bound(harness: Harness) -> None:
    young = sights.RUNNING.model_copy(
        update={"started_at": sights.LONG_AGO, "observed_at": sights.LONG_AGO + timedelta(seconds=5)}
    )
    await unreachable(DatabaseKind.TIMED_OUT, database_process=young)(harness)
    harness.world.hold(WAIT)
    harness.world.watched[WAIT] = sights.FAILING
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    await harness.until_true(lambda: WAIT in harness.world.called)
    harness.world.database_process = sights.RUNNING
    harness.world.let_go(WAIT)
    await harness.until(handle, "awaiting approval")
    assert harness.world.called.count(WAIT) == 1
    assert (await harness.closes(handle)).cause == "hung"
