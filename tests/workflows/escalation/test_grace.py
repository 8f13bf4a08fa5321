"""What is repaired by itself within its grace pages nobody; what needs a person pages at once, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models.incident.announcement import Announcement, Occasion
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, open_harness
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.waiting import (
    AsksAPerson,
    AsksASpecialist,
    ChangedMeanwhile,
    LooksNowAndThen,
    WaitsAMoment,
    WaitsTwice,
)
from workflows.runbooks.classes import WORKFLOWS

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
RUNBOOKS = (AsksAPerson, AsksASpecialist, ChangedMeanwhile, LooksNowAndThen, WaitsAMoment, WaitsTwice)


@pytest.fixture
async def running() -> AsyncIterator[Harness]:
    """The backend runs, and answers nobody."""
    async with open_harness(workflows=(*WORKFLOWS, *RUNBOOKS)) as harness:
        harness.world.process = sights.RUNNING
        yield harness


async def waits(harness: Harness, kind: type[Any], **alert: Any) -> Incident:
    handle = await harness.fire(await harness.alert(**alert), runbook=kind.__name__)
    await harness.until_it_waits(handle)
    return handle


def heard(harness: Harness, channel: str) -> list[Announcement]:
    return [one for one in harness.world.told if channel in (*one.first_of, *one.also_to)]


async def test_what_is_repaired_in_two_seconds_wakes_nobody_and_is_told_in_the_channel(
    harness: Harness,
) -> None:
    review = await harness.end(await harness.fire(await harness.alert()))
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, ["start backend"])
    assert harness.world.pages() == []
    assert [(one.occasion, one.first_of, one.also_to) for one in harness.world.told] == [
        (Occasion.NOTICE, (), ("slack",)),
        (Occasion.RESOLVED, (), ("slack",)),
    ]
    assert harness.world.told[0].title == "ServiceDown/backend: fix done, watching whether it helps"
    assert "start backend" in harness.world.told[0].text


async def test_the_first_rung_is_held_back_for_its_grace_and_the_others_keep_their_time(
    running: Harness,
) -> None:
    handle = await waits(running, WaitsAMoment)
    await running.sleep(50 * SECOND)
    assert running.world.told == []
    handle = await told_for_months(running, handle)
    await running.sleep(15 * SECOND)
    assert running.world.pages() == ["On-Call"], "a new run holds it back no longer"
    await running.sleep(3 * MINUTE + 30 * SECOND)
    assert running.world.pages() == ["On-Call"]
    await running.sleep(30 * SECOND)
    assert running.world.pages() == ["On-Call", "Team Lead"], "five minutes after startsAt"
    await running.closes(handle)


async def test_the_grace_ends_with_the_deadline(running: Harness) -> None:
    handle = await waits(running, WaitsAMoment, ago=4 * MINUTE + 30 * SECOND)
    await running.sleep(15 * SECOND)
    assert running.world.pages() == []
    await running.sleep(20 * SECOND)
    assert running.world.pages() == ["On-Call"]
    await running.closes(handle)


async def test_a_question_is_the_page_of_the_first_rung_and_its_only_message(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(4 * MINUTE)
    (asked,) = harness.world.told
    assert (asked.occasion, asked.role, asked.also_to) == (Occasion.APPROVAL, "On-Call", ("slack",))
    assert (await harness.state(handle)).rung == "On-Call"
    await harness.sleep(70 * SECOND)
    assert [one.role for one in harness.world.told] == ["On-Call", "Team Lead"]
    await handle.signal("approve")
    await harness.end(handle)


async def test_a_question_that_does_not_arrive_is_a_page_that_does_not_arrive(harness: Harness) -> None:
    harness.world.port, harness.world.down = sights.TAKEN_PORT, {"discord", "pager"}
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(75 * SECOND)
    assert harness.world.pages()[-1] == "Team Lead", "tried for a minute; then the next rung"
    await handle.signal("approve")
    await harness.end(handle)


async def test_a_fix_that_fails_pages_at_once_by_one_message_to_each(harness: Harness) -> None:
    harness.world.works = False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.sleep(5 * SECOND)
    (page,) = harness.world.told
    assert (page.occasion, page.role, page.also_to) == (Occasion.PAGE, "On-Call", ("slack",))
    assert "the fix failed" in page.text.lower()
    await harness.closes(handle)


async def test_what_cannot_be_verified_pages_at_once_by_one_message(harness: Harness) -> None:
    harness.world.broken_looks = {"probe_health"}
    harness.world.process = sights.RUNNING
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.sleep(5 * SECOND)
    assert [one.role for one in heard(harness, "slack")] == ["On-Call"]
    await harness.closes(handle)


async def test_a_dry_run_has_no_grace(running: Harness) -> None:
    handle = await waits(running, WaitsAMoment, dry_run=True)
    await running.until_true(lambda: running.world.pages() == ["On-Call"])
    assert (await running.now()) - (await running.state(handle)).alert.starts_at < 10 * SECOND
    await running.closes(handle)


async def test_an_acknowledgement_within_the_grace_stops_the_ladder(running: Harness) -> None:
    handle = await waits(running, WaitsAMoment)
    await handle.signal("acknowledge", {"by": "ada"})
    await running.sleep(8 * MINUTE)
    assert running.world.pages() == []
    await running.closes(handle)


async def test_who_must_do_something_is_asked_at_once_and_the_channel_hears_it_once(running: Harness) -> None:
    handle = await waits(running, AsksAPerson)
    await running.sleep(5 * SECOND)
    assert sorted(running.world.pages()) == ["DBA", "On-Call"]
    assert len(heard(running, "slack")) == 1
    await running.closes(handle)


@pytest.mark.parametrize("kind", [AsksAPerson, AsksASpecialist])
async def test_at_info_nobody_is_paged_by_a_question_a_finding_or_a_request(
    running: Harness, kind: type[Any]
) -> None:
    running.configure(alerts={"ServiceDown": {"severity": "info", "topic": "service-down"}})
    await running.fire(await running.alert(), runbook=kind.__name__)
    await running.sleep(MINUTE)
    told = list(running.world.told)
    assert {one.occasion for one in told} == {Occasion.NOTICE}, "it is announced"
    assert "DBA" in {one.role for one in told}, "who is concerned is sent it"
    await running.sleep(HOUR + 55 * MINUTE)
    assert running.world.pages() == []
    await running.sleep(5 * MINUTE)
    assert "On-Call" in running.world.pages(), "within its four hours"


async def test_a_planned_wait_pages_nobody_and_what_fails_at_its_end_pages_at_once(running: Harness) -> None:
    handle = await waits(running, LooksNowAndThen)
    await running.sleep(12 * HOUR)
    handle = await told_for_months(running, handle)
    await running.sleep(11 * HOUR + 50 * MINUTE)
    assert running.world.pages() == []
    assert [title for title in running.world.notices() if "waits, until" not in title] == []
    handle = await ended_up(running, handle)
    await running.sleep(SECOND)
    assert running.world.pages() == ["On-Call"]
    await running.closes(handle)


async def ended_up(harness: Harness, handle: Incident) -> Incident:
    """The same incident, escalated; a long history may have made it go on in a new run."""
    handle = harness.incident(handle.id)
    await harness.until(handle, "escalated", step=5 * SECOND)
    return handle


async def test_a_page_that_is_left_before_the_wait_it_resumes_is_climbed_on_time(running: Harness) -> None:
    handle = await waits(running, ChangedMeanwhile)
    handle = await ended_up(running, await told_for_months(running, handle))
    assert (await running.state(handle)).waits_for == ""
    await running.sleep(6 * MINUTE)
    assert running.world.pages() == ["On-Call", "Team Lead"]
    await running.closes(handle)


async def test_between_two_planned_waits_the_first_rung_has_the_rest_of_its_grace(running: Harness) -> None:
    handle = await waits(running, WaitsTwice)
    await running.sleep(2 * HOUR)
    assert running.world.pages() == [], "they follow one another at once"
    await running.closes(handle)


async def test_every_rung_that_was_reached_hears_the_end_once(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    harness.configure(contacts={"Team Lead": ["mail"], "CTO": ["chief"]}, channels={"chief": {"kind": "log"}})
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(11 * MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead", "CTO"]
    await handle.signal("approve")
    await harness.end(handle)
    ends = [one for one in harness.world.told if one.occasion is Occasion.RESOLVED]
    assert len(ends) == 1
    told = {*ends[0].first_of, *ends[0].also_to}
    assert told == {"slack", "discord", "pager", "mail", "chief"}
