"""What was asked, and how it was answered, is read of the record's own fields: its words may change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.lessons.decisions import Answer, Decision, decisions
from models.incident.incident import Entry
from models.incident.review import Review
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident


async def asked(harness: Harness) -> Incident:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    return handle


def read(review: Review) -> Decision:
    """The one decision, of a record whose lines say something else."""
    lines: tuple[Entry, ...] = tuple(one.model_copy(update={"text": "-"}) for one in review.timeline)
    typed = list(decisions(review.model_copy(update={"timeline": lines})))
    assert typed == list(decisions(review)), "read of the fields alone"
    (one,) = typed
    assert one.what.startswith("plan ")
    assert "kill process 77" in one.what
    return one


@pytest.mark.parametrize(("word", "answer"), [("approve", Answer.APPROVED), ("deny", Answer.DENIED)])
async def test_answered_by_a_person(harness: Harness, word: str, answer: Answer) -> None:
    handle = await asked(harness)
    await harness.sleep(120)
    await handle.signal(word, {"text": "as agreed: now"})
    review = await (harness.end(handle) if word == "approve" else harness.closes(handle))
    one = read(review)
    assert (one.answer, one.words) == (answer, "as agreed: now")
    assert one.by
    assert one.after and one.after >= timedelta(minutes=2)


async def test_answered_by_nobody(harness: Harness) -> None:
    handle = await asked(harness)
    await harness.sleep(timedelta(hours=5))
    await harness.until(handle, "escalated")
    one = read(await harness.closes(handle))
    assert (one.answer, one.by, one.words) == (Answer.EXPIRED, "", "")


async def test_what_did_not_count_answers_nothing(harness: Harness) -> None:
    handle = await asked(harness)
    await handle.signal("approve", "000000000000")
    one = read(await harness.closes(handle))
    assert one.answer is Answer.NONE
