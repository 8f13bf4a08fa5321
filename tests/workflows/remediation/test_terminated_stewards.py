"""A steward that somebody terminated is found out: no incident waits for it for ever."""

from __future__ import annotations

from activities.review.page import page
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.remediation.test_lost_outcomes import rolling_back
from tests.workflows.stewardship.test_stewardship import first_of_two, service_down

KILL = "kill process 77 (thief), which listens on port 3000"


async def test_terminated_while_somebody_queues_the_service_is_asked_for_again(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await harness.steward().terminate("by mistake")
    assert (await harness.end(second)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"]
    await harness.resolve(first)
    await harness.end(first)


async def test_terminated_while_a_question_is_open_the_answer_counts(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await service_down(harness)
    await harness.until(handle, "awaiting approval")
    await harness.steward().terminate("by mistake")
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == [KILL, "start backend"]


async def test_terminated_while_it_acts_a_person_is_paged_and_nothing_is_done_twice(
    harness: Harness,
) -> None:
    """It waits until a script whose answer was lost must have ended; no activity holds up the clock."""
    script = {"command": ["./back.sh"], "timeout": "7m"}
    harness.configure(services={"backend": {"rollback": script}})
    handle = await rolling_back(harness)
    await harness.until_true(lambda: "roll_back" in harness.world.called)
    await harness.sleep(5)
    await harness.steward().terminate("by mistake")
    state = await harness.until(handle, "escalated")
    unknown = "nobody knows whether this was done: roll backend back"
    assert any(unknown in one.text for one in state.timeline)
    assert not any("the fix failed" in one.text for one in state.timeline)
    assert len(harness.world.done) == 1
    review = await harness.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert [(one.done, one.lost) for one in review.performed] == [(False, True)]
    assert ", whether that happened is unknown" in review.summary
    assert "Perhaps done" in page(review)


async def test_resolved_while_queueing_at_a_terminated_steward_it_is_over(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await harness.steward().terminate("by mistake")
    await harness.resolve(second)
    assert (await harness.end(second)).outcome is Outcome.RESOLVED_ELSEWHERE
    await harness.resolve(first)
    await harness.end(first)
