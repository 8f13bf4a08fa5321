"""Every row of every causes table, from the alert to the review."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from activities.review.page import page
from models.incident.incident import Outcome
from models.incident.review import Review
from tests.scenarios.tables import ROWS
from tests.workflows.harness import Harness
from tests.workflows.rows import Row
from workflows.diagnosis.causes import Cause
from workflows.runbooks.classes import RUNBOOKS

EVERY = [pytest.param(name, row, id=f"{name}: {row.title}") for name, rows in ROWS.items() for row in rows]


@pytest.mark.parametrize(("runbook", "row"), EVERY)
async def test_a_cause_is_found_and_answered(harness: Harness, runbook: str, row: Row) -> None:
    harness.configure(**row.configuration)
    await row.scene(harness)
    handle = await harness.fire(await harness.alert(runbook, service=row.service, labels=row.labels))
    if row.reports:
        await harness.until_true(lambda: bool(harness.world.reports))
        await handle.signal("acknowledge")
        review = await harness.end(handle)
        assert (review.outcome, review.performed) == (Outcome.CLOSED_BY_HUMAN, ())
        assert review.report == harness.world.reports[0]
    elif row.needs_a_human:
        state = await harness.until(handle, "escalated")
        assert harness.world.done == []
        assert state.awaiting is None
        review = await harness.closes(handle)
        assert review.outcome is Outcome.CLOSED_BY_HUMAN
        assert review.performed == ()
    else:
        if row.person_first:
            await harness.until_it_waits(handle)
            await handle.signal("done")
        if row.asks:
            state = await harness.until(handle, "awaiting approval")
            assert harness.world.done == [], "nothing is done before somebody approves"
            await handle.signal("approve")
        review = await harness.end(handle)
        assert review.outcome is row.outcome
        unexplained = any("No known cause matched" in one for one in review.remarks)
        assert unexplained == (row.cause == "unknown"), "what no row explains is said"
    assert harness.world.done == list(row.done)
    assert (review.cause, review.also_seen) == (row.cause, row.also_seen)
    if row.cause != "unknown":
        its_evidence_is_told(review)
    by_itself = not (row.needs_a_human or row.asks or row.person_first)
    assert set(row.pages) - ({"On-Call"} if by_itself else set()) <= set(harness.world.pages())
    assert review in harness.world.reviews


def its_evidence_is_told(review: Review) -> None:
    """Which evidence points to the cause, as it was seen then, and why the runbook names it."""
    named = [one.name for one in review.evidence if f"; {one.name}: " in f"; {review.pointing}"]
    assert named, f"{review.cause}: no evidence is named that points to it: {review.pointing!r}"
    text = page(review)
    assert "The runbook names it when: " in text
    assert "What points to it: " in text


def causes(runbook: type[object]) -> Sequence[Cause]:
    """The causes table of a runbook; none for one that changes nothing."""
    table: Sequence[Cause] = getattr(sys.modules[runbook.__module__], "CAUSES", ())
    return table


@pytest.mark.parametrize("runbook", RUNBOOKS)
def test_no_cause_is_without_a_row(runbook: type[object]) -> None:
    tested = {row.cause for row in ROWS[runbook.__name__]}
    names = [cause.name for cause in causes(runbook)]
    assert [name for name in names if name not in tested] == []
    assert tested - {*names, "unknown"} == set(), "a row for a cause that the runbook does not have"
    assert len(names) == len(set(names))
