"""A wait ends by the clock, by what it waits for, by the end of the alert, or by a person; a new run
and the kill switch make it no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models.incident.incident import IncidentState, Outcome
from models.incident.review import Review
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, open_harness
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.switch import begin, suspend
from tests.workflows.waiting import (
    WAITING,
    AsksAPerson,
    FixesAndHolds,
    FixesAndWaits,
    LooksNowAndThen,
    Reports,
    WaitsForMidnight,
    WaitsTwice,
)
from workflows.incident.waits import bounded
from workflows.runbooks.classes import WORKFLOWS

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def waiting() -> AsyncIterator[Harness]:
    """The backend runs, and answers nobody."""
    async with open_harness(workflows=(*WORKFLOWS, *WAITING)) as harness:
        harness.world.process = sights.RUNNING
        yield harness


async def begins(harness: Harness, kind: type[Any]) -> tuple[Incident, IncidentState]:
    """An incident that waits, and its state."""
    handle = await harness.fire(await harness.alert(), runbook=kind.__name__)
    return handle, await harness.until_it_waits(handle)


async def ends(harness: Harness, handle: Incident, within: timedelta) -> Review:
    """The review, once this time has passed: the clock is let jump first."""
    await harness.sleep(within)
    return await harness.end(handle)


def says(found: Review | IncidentState, text: str) -> bool:
    return any(text in entry.text for entry in found.timeline)


async def test_the_clock_ends_it_and_the_page_goes_on_to_the_next_one(waiting: Harness) -> None:
    handle, state = await begins(waiting, WaitsTwice)
    assert state.waits_for == "the provider asks for it"
    assert state.waits_until is not None
    assert state.waits_until - await waiting.now() > timedelta(minutes=59)
    await waiting.env.sleep(HOUR)
    state = await waiting.until_it_waits(handle)
    assert says(state, "looks again")
    await waiting.env.sleep(timedelta(minutes=100))
    assert (await waiting.state(handle)).waits_for
    review = await ends(waiting, handle, timedelta(minutes=20))
    assert review.outcome is Outcome.RESOLVED
    assert waiting.world.done == []
    assert review.resolved_after < timedelta(hours=3, minutes=2)


async def test_everybody_hears_of_a_long_wait_once(waiting: Harness) -> None:
    handle, _ = await begins(waiting, WaitsTwice)
    handle = await told_for_months(waiting, handle)
    await waiting.env.sleep(HOUR)
    await waiting.until_it_waits(handle)
    waits = [title for title in waiting.world.notices() if "waits, until" in title]
    assert len(waits) == 2, "one a wait"


@pytest.mark.parametrize("kind", [kind for kind in WAITING if kind not in (FixesAndWaits, FixesAndHolds)])
async def test_the_end_of_the_alert_ends_it(waiting: Harness, kind: type[Any]) -> None:
    handle, _ = await begins(waiting, kind)
    await waiting.env.sleep(MINUTE)
    await waiting.resolve(handle)
    review = await waiting.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert waiting.world.done == []
    assert review.resolved_after < 5 * MINUTE


@pytest.mark.parametrize("kind", [kind for kind in WAITING if kind is not AsksAPerson])
async def test_a_person_who_is_done_ends_it(waiting: Harness, kind: type[Any]) -> None:
    handle, _ = await begins(waiting, kind)
    review = await waiting.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert review.resolved_after < 5 * MINUTE


async def test_the_end_of_the_alert_while_a_fix_takes_effect_says_that_it_helped(waiting: Harness) -> None:
    handle, _ = await begins(waiting, FixesAndWaits)
    await waiting.resolve(handle)
    review = await waiting.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert says(review, "the alert was resolved after what was done")


@pytest.mark.parametrize("kind", [FixesAndWaits, FixesAndHolds])
async def test_the_service_is_held_only_where_the_plan_needs_it(waiting: Harness, kind: type[Any]) -> None:
    await begins(waiting, kind)
    await waiting.env.sleep(1)
    holder = (await waiting.book()).holder
    assert (holder is not None) == (kind is FixesAndHolds)


@pytest.mark.parametrize("kind", [WaitsTwice, LooksNowAndThen, AsksAPerson])
async def test_a_new_run_waits_for_what_is_left(waiting: Harness, kind: type[Any]) -> None:
    handle, before = await begins(waiting, kind)
    await waiting.env.sleep(40 * MINUTE)
    handle = await told_for_months(waiting, handle)
    after = await waiting.state(handle)
    assert (after.waits_for, after.waits_until) == (before.waits_for, before.waits_until)
    assert before.waits_until is not None
    await waiting.env.sleep(before.waits_until - await waiting.now() - timedelta(seconds=30))
    assert (await waiting.state(handle)).waits_until == before.waits_until
    await waiting.env.sleep(MINUTE)
    assert (await waiting.state(handle)).waits_until != before.waits_until


async def test_midnight_is_that_of_the_configured_zone(waiting: Harness) -> None:
    waiting.configure(time_zone="Asia/Tokyo")
    handle, state = await begins(waiting, WaitsForMidnight)
    assert state.waits_until is not None
    assert (state.waits_until.hour, state.waits_until.minute) == (15, 0), "00:00 in Tokyo, as UTC"
    assert timedelta() < state.waits_until - await waiting.now() <= timedelta(days=1)
    review = await ends(waiting, handle, state.waits_until - await waiting.now())
    assert review.outcome is Outcome.RESOLVED


async def test_what_a_page_does_by_itself_is_looked_at_again_when_its_approval_comes_late(
    waiting: Harness,
) -> None:
    waiting.configure(risks={"start-service": "dangerous"})
    handle = await waiting.fire(await waiting.alert(), runbook=FixesAndWaits.__name__)
    await waiting.until(handle, "awaiting approval")
    await waiting.sleep(2 * HOUR)
    waiting.world.health = sights.HEALTHY
    await handle.signal("approve")
    review = await waiting.end(handle)
    assert (review.outcome, waiting.world.done) == (Outcome.SELF_RECOVERED, [])


async def test_a_person_is_asked_and_goes_on_by_done(waiting: Harness) -> None:
    handle, state = await begins(waiting, AsksAPerson)
    assert state.waits_for == "a person: renew the credentials of amazon"
    await waiting.until_true(lambda: "DBA" in waiting.world.pages())
    asked = next(one for one in waiting.world.told if one.role == "DBA")
    assert "Please renew the credentials of amazon" in asked.text
    assert f"starter.py done {handle.id}" in asked.text
    handle = await told_for_months(waiting, handle)
    assert waiting.world.done == []
    await handle.signal("done")
    review = await waiting.end(handle)
    assert waiting.world.done == ["start backend"], "done means that the page goes on"
    assert review.outcome is Outcome.RESOLVED


async def test_who_was_asked_is_asked_again_while_nobody_says_a_word(waiting: Harness) -> None:
    handle, _ = await begins(waiting, AsksAPerson)
    await waiting.env.sleep(20 * MINUTE)
    await handle.signal("note", "looking")
    await waiting.env.sleep(20 * MINUTE)
    assert waiting.world.pages().count("DBA") == 1, "somebody said something"
    await waiting.env.sleep(15 * MINUTE)
    assert waiting.world.pages().count("DBA") == 2
    await handle.signal("acknowledge")
    await waiting.env.sleep(25 * MINUTE)
    assert waiting.world.pages().count("DBA") == 2
    await waiting.env.sleep(90)  # between two pages: the test server loses a task whose timer ends now
    await waiting.closes(handle)


async def test_nobody_does_it_for_long_and_it_is_escalated(waiting: Harness) -> None:
    waiting.configure(alerts={"ServiceDown": {"thresholds": {"person_within": "4h"}}})
    handle, _ = await begins(waiting, AsksAPerson)
    await waiting.sleep(timedelta(hours=4, minutes=1))
    state = await waiting.state(handle)
    assert state.phase == "escalated"
    assert says(state, "nobody did it within 4 h: renew the credentials of amazon")
    assert not state.waits_for
    review = await waiting.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN, "now done closes it"
    assert waiting.world.done == []


async def test_a_report_waits_for_whoever_knows_of_it(waiting: Harness) -> None:
    handle, state = await begins(waiting, Reports)
    assert (state.waits_for, state.waits_until) == ("an acknowledgement: revenue falls", None)
    handle = await told_for_months(waiting, handle)
    await waiting.sleep(timedelta(days=3))
    await handle.signal("acknowledge", {"by": "ada"})
    review = await waiting.end(handle)
    assert review.outcome is Outcome.RESOLVED


async def test_it_looks_now_and_then_until_it_is_well(waiting: Harness) -> None:
    handle, _ = await begins(waiting, LooksNowAndThen)
    await waiting.sleep(3 * HOUR)
    looked = waiting.world.called.count("probe_health")
    waiting.world.health, waiting.world.process = sights.HEALTHY, sights.RUNNING
    review = await ends(waiting, handle, 11 * MINUTE)
    assert waiting.world.called.count("probe_health") - looked == 1
    assert says(review, f"watched: {sights.HEALTHY.reason}")
    assert review.outcome is Outcome.RESOLVED


async def test_a_day_of_looks_is_bounded_in_history_and_ends_unwell(waiting: Harness) -> None:
    handle, state = await begins(waiting, LooksNowAndThen)
    assert state.waits_until is not None
    await waiting.env.sleep(state.waits_until - await waiting.now() + 3 * MINUTE)
    handle = waiting.incident(handle.id)
    after = await waiting.until(handle, "escalated")
    assert (await handle.describe()).history_length < 1_500
    assert says(after, "it did not come back")
    await waiting.closes(handle)


async def test_the_kill_switch_lets_it_wait_and_then_nothing_is_done(waiting: Harness) -> None:
    handle, _ = await begins(waiting, AsksAPerson)
    await suspend(waiting, by="ada", why="a migration")
    await waiting.env.sleep(HOUR)
    assert (await waiting.state(handle)).waits_for
    await handle.signal("done")
    await waiting.until(handle, "paused")
    assert waiting.world.done == []
    await waiting.closes(handle)


async def test_the_time_that_a_person_has_stands_still_within_a_window(waiting: Harness) -> None:
    handle, state = await begins(waiting, AsksAPerson)
    await waiting.until_true(lambda: {one.role for one in waiting.world.told} == {"DBA", "On-Call"})
    await begin(waiting, 8 * HOUR)
    await waiting.sleep(7 * HOUR)
    assert len(waiting.world.told) == 3, "only the window was announced"
    await waiting.sleep(HOUR + MINUTE)
    after = (await waiting.state(handle)).waits_until
    assert state.waits_until is not None
    assert after is not None
    assert abs(after - state.waits_until - 8 * HOUR) < MINUTE
    await waiting.closes(handle)


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        (None, HOUR),
        (timedelta(seconds=30), timedelta(seconds=30)),
        (timedelta(), timedelta()),
        (timedelta(seconds=-5), HOUR),
        (timedelta(days=1), 2 * HOUR),
    ],
)
def test_retry_after_is_heard_within_two_hours(said: timedelta | None, waits: timedelta) -> None:
    assert bounded(said) == waits
