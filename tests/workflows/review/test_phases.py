"""Where the time went, as an incident keeps it, whichever way it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.review.phases import WhereTimeWent
from models.incident.incident import Outcome
from models.incident.review import Doing, Review
from tests.workflows import sights
from tests.workflows.harness import Harness, open_harness
from tests.workflows.incident.test_joining import its_database_asks, its_database_is_asked_about
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.stewardship.test_stewardship import first_of_two, service_down
from tests.workflows.switch import begin
from tests.workflows.waiting import WAITING, AsksAPerson, WaitsTwice
from workflows.runbooks.classes import WORKFLOWS

MINUTE = timedelta(minutes=1)


def went(review: Review) -> dict[Doing, timedelta]:
    """By phase, and it adds up to the whole."""
    time = WhereTimeWent(review)
    assert time.recorded
    took = {doing: whole for doing, (whole, _) in time.by_phase().items()}
    assert sum(took.values(), timedelta()) == timedelta(seconds=time.whole)
    edges = [one.begins for one in time.stretches] + [time.whole]
    assert edges == [0, *(one.ends for one in time.stretches)], "no gap, and no overlap"
    assert time.well is None or time.well <= time.whole
    return took


async def test_a_decision_an_action_and_its_proof(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert(ago=2 * MINUTE))
    await harness.until(handle, "awaiting approval")
    await harness.sleep(4 * MINUTE)
    await handle.signal("approve")
    review = await harness.end(handle)
    took = went(review)
    assert next(iter(took)) is Doing.COMING_IN
    assert 2 * MINUTE <= took[Doing.COMING_IN] < 3 * MINUTE
    assert 4 * MINUTE <= took[Doing.DECISION] < 5 * MINUTE
    assert review.phases[-1].doing is Doing.ENDED
    older = WhereTimeWent(review.model_copy(update={"phases": ()}))
    assert not older.recorded, "an earlier version kept none: they are read from the timeline"
    assert older.stretches[0].doing is Doing.COMING_IN
    assert 4 * MINUTE <= older.by_phase()[Doing.DECISION][0] < 5 * MINUTE
    assert abs(older.whole - WhereTimeWent(review).whole) <= 1


async def test_what_is_held_in_a_window_is_paused_and_not_diagnosing(harness: Harness) -> None:
    await begin(harness)
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "paused")
    await harness.sleep(58 * MINUTE)
    took = went(await harness.end(handle))
    assert 58 * MINUTE < took[Doing.PAUSED] <= 61 * MINUTE
    assert took.get(Doing.DIAGNOSING, timedelta()) < MINUTE


async def test_it_is_known_across_runs_until_whose_word_a_person_was_waited_for(harness: Harness) -> None:
    harness.world.works = False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.sleep(10 * MINUTE)
    handle = await told_for_months(harness, handle)
    await handle.signal("acknowledge")
    await harness.sleep(20 * MINUTE)
    review = await harness.closes(handle)
    took = went(review)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert WhereTimeWent(review).well is None, "nobody proved that it was well"
    assert 10 * MINUTE <= took[Doing.NOBODY] < 15 * MINUTE
    assert 20 * MINUTE <= took[Doing.PERSON] < 22 * MINUTE


async def test_cancelled_while_a_person_is_asked(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(3 * MINUTE)
    await handle.cancel()
    review = await harness.end(handle)
    took = went(review)
    assert review.outcome is Outcome.CANCELLED
    assert 3 * MINUTE <= took[Doing.DECISION] < 4 * MINUTE
    assert Doing.ACTING not in took


async def test_what_waits_for_another_incident_does_not_diagnose_meanwhile(harness: Harness) -> None:
    await its_database_asks(harness)
    handle = await service_down(harness)
    healing = await its_database_is_asked_about(harness)
    await harness.sleep(7 * MINUTE)
    await healing.signal("approve")
    await harness.end(healing)
    took = went(await harness.end(handle))
    assert took[Doing.OTHER] >= 7 * MINUTE
    assert took.get(Doing.DIAGNOSING, timedelta()) < MINUTE


async def test_who_waits_in_line_for_a_service_waits_for_another_incident(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await harness.sleep(6 * MINUTE)
    await first.signal("approve")
    await harness.end(first)
    took = went(await harness.end(second))
    assert took[Doing.OTHER] >= 6 * MINUTE
    assert took.get(Doing.DIAGNOSING, timedelta()) < MINUTE


@pytest.mark.parametrize(("kind", "doing"), [(WaitsTwice, Doing.WATCHING), (AsksAPerson, Doing.NOBODY)])
async def test_what_lets_time_pass_is_told_from_what_asked_a_person(kind: type[Any], doing: Doing) -> None:
    async with open_harness(workflows=(*WORKFLOWS, *WAITING)) as harness:
        harness.world.process = sights.RUNNING
        handle = await harness.fire(await harness.alert(), runbook=kind.__name__)
        await harness.until_it_waits(handle)
        await harness.sleep(50 * MINUTE)
        await handle.signal("done")
        took = went(await harness.end(handle))
    assert 50 * MINUTE <= took.pop(doing) < 52 * MINUTE
    assert sum(took.values(), timedelta()) < 2 * MINUTE
