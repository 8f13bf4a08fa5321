"""A steward that somebody terminated is found out: no incident waits for it for ever."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Night
from tests.workflows.remediation.test_lost_outcomes import rolling_back
from tests.workflows.stewardship.test_stewardship import first_of_two, service_down

KILL = "kill process 77 (thief), which listens on port 3000"


async def test_terminated_while_somebody_queues_the_service_is_asked_for_again(night: Night) -> None:
    first, second = await first_of_two(night)
    await night.steward().terminate("by mistake")
    assert (await night.end(second)).outcome is Outcome.RESOLVED
    assert night.world.done == ["start backend"]
    await night.resolve(first)
    await night.end(first)


async def test_terminated_while_a_question_is_open_the_answer_counts(night: Night) -> None:
    night.world.port = sights.TAKEN_PORT
    handle = await service_down(night)
    await night.until(handle, "awaiting approval")
    await night.steward().terminate("by mistake")
    await handle.signal("approve")
    assert (await night.end(handle)).outcome is Outcome.RESOLVED
    assert night.world.done == [KILL, "start backend"]


async def test_terminated_while_it_acts_a_person_is_called_and_nothing_is_done_twice(night: Night) -> None:
    """It waits until a script whose answer was lost must have ended; no activity holds up the clock."""
    script = {"command": ["./back.sh"], "timeout": "7m"}
    night.configure(services={"backend": {"rollback": script}})
    handle = await rolling_back(night)
    await night.until_true(lambda: "roll_back" in night.world.called)
    await night.env.sleep(5)
    await night.steward().terminate("by mistake")
    state = await night.until(handle, "escalated")
    assert any("was terminated while it acted: roll backend back" in one.text for one in state.timeline)
    assert len(night.world.done) == 1
    assert (await night.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_resolved_while_queueing_at_a_terminated_steward_it_is_over(night: Night) -> None:
    first, second = await first_of_two(night)
    await night.steward().terminate("by mistake")
    await night.resolve(second)
    assert (await night.end(second)).outcome is Outcome.RESOLVED_ELSEWHERE
    await night.resolve(first)
    await night.end(first)
