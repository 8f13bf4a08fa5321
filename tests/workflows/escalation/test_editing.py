"""A channel that can edit has one message an incident, which shows what is so; its thread is the timeline."""

from __future__ import annotations

from datetime import timedelta

from models.incident.announcement import Announcement, Occasion
from models.incident.incident import Decision, Spoken, Through, Verdict
from tests.workflows.harness import Harness, Incident
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.sights import TAKEN_PORT
from tests.workflows.switch import suspend
from workflows.escalation.editing import MOST_AGAIN

BOT = {"kind": "slack-bot", "token": {"env": "SLACK_BOT_TOKEN"}, "channel": "C0ALERTS001", "buttons": False}


async def asks(harness: Harness) -> Incident:
    harness.configure(channels={"slack": BOT})
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.until_true(lambda: any(choices(one) for one in told(harness)))
    return handle


def told(harness: Harness) -> list[Announcement]:
    """What the channel got that edits."""
    return [one for one in harness.world.told if one.in_short]


def progress(harness: Harness) -> list[Announcement]:
    return [one for one in told(harness) if one.occasion is Occasion.PROGRESS]


def choices(one: Announcement) -> tuple[str, ...]:
    return tuple(choice.digest for choice in one.in_short.choices) if one.in_short else ()


async def test_the_message_shows_the_question_until_it_is_answered_and_then_the_end(harness: Harness) -> None:
    handle = await asks(harness)
    state = await harness.state(handle)
    assert state.awaiting
    assert choices(told(harness)[-1]) == state.awaiting.digests
    await harness.until_true(lambda: any(one.posted for one in told(harness)))
    decision = Decision(by="ana", through=Through.SLACK, verdict=Verdict.APPROVE, plan=state.awaiting.digest)
    await handle.signal("approve", decision)
    await harness.end(handle)
    end = told(harness)[-1]
    assert end.in_short
    assert (end.occasion, choices(end)) == (Occasion.RESOLVED, ())
    assert end.in_short.outcome.startswith("ServiceDown on backend: resolved")
    versions = [one.in_short.version for one in told(harness) if one.in_short]
    assert versions == sorted(set(versions)), "an older one could overwrite a newer"
    assert len({one.key for one in told(harness)}) == len(told(harness))
    progress = [one for one in told(harness) if one.occasion is Occasion.PROGRESS]
    assert all(one.also_to == ("slack",) and one.place_in("slack") == "slack, 1" for one in progress)


async def test_each_line_of_the_timeline_stands_once_in_the_thread(harness: Harness) -> None:
    handle = await asks(harness)
    await handle.signal("note", Spoken(text="a note"))
    state = await harness.state(handle)
    assert state.awaiting
    await handle.signal("approve", Decision(verdict=Verdict.APPROVE, plan=state.awaiting.digest))
    review = await harness.end(handle)
    lines = [line for one in told(harness) if one.in_short for line in one.in_short.happened]
    assert any("note: a note (somebody in the Temporal UI" in line for line in lines)
    assert lines == list(dict.fromkeys(lines))
    before = review.timeline[: len(lines)]
    wanted = [one.text for one in before if one.sent is None]
    assert [text for text in wanted if not any(text in line for line in lines)] == []


async def test_what_the_channel_did_not_take_is_told_with_the_next(harness: Harness) -> None:
    handle = await asks(harness)
    await harness.until_true(lambda: any(one.posted for one in told(harness)))
    harness.world.down = {"slack"}
    await handle.signal("note", Spoken(text="nobody hears this"))
    await harness.sleep(timedelta(seconds=5))
    before, harness.world.down = told(harness)[-1].in_short, set()
    await handle.signal("acknowledge", Spoken())
    await harness.until_true(lambda: told(harness)[-1].in_short != before)
    last = told(harness)[-1].in_short
    assert last and last.acknowledged_by and any("nobody hears this" in line for line in last.happened)


async def test_a_question_that_the_message_does_not_show_is_edited_into_it_once_that_works(
    harness: Harness,
) -> None:
    harness.world.stale = {Occasion.APPROVAL}
    await asks(harness)
    harness.world.down = {"slack"}
    edits = len(progress(harness))
    await harness.sleep(timedelta(minutes=2))
    assert 2 <= len(progress(harness)) - edits <= MOST_AGAIN + 1
    harness.world.down, edits = set(), len(progress(harness))
    await harness.sleep(timedelta(minutes=10))
    assert len(progress(harness)) == edits + 1 and choices(progress(harness)[-1])


async def test_a_line_that_no_channel_took_is_told_by_the_next_run(harness: Harness) -> None:
    handle = await asks(harness)
    await harness.until_true(lambda: any(one.posted for one in told(harness)))
    harness.world.down = {"slack"}
    await handle.signal("note", Spoken(text="nobody hears this"))
    await harness.sleep(timedelta(seconds=30))
    before, harness.world.down = len(told(harness)), set()
    await told_for_months(harness, handle)
    await harness.until_true(lambda: len(told(harness)) > before)
    lines = [line for one in told(harness)[before:] if one.in_short for line in one.in_short.happened]
    assert sum("nobody hears this" in line for line in lines) == 1


async def test_a_message_shows_the_end_also_where_nobody_is_told_of_it(harness: Harness) -> None:
    """No rung was reached, and everything is suspended at its end."""
    harness.configure(channels={"slack": BOT})
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: any(one.posted for one in told(harness)))
    await suspend(harness, by="ada", why="a migration")
    harness.world.let_go("watch_health")
    await harness.end(handle)
    assert Occasion.RESOLVED not in [one.occasion for one in told(harness)]
    end = told(harness)[-1].in_short
    assert end and end.outcome.startswith("ServiceDown on backend: resolved")


async def test_without_such_a_channel_nothing_is_said_that_is_not_a_message(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting
    await handle.signal("approve", Decision(verdict=Verdict.APPROVE, plan=state.awaiting.digest))
    await harness.end(handle)
    assert told(harness) == []
    assert Occasion.PROGRESS not in [one.occasion for one in harness.world.told]
