"""The limits of a service: waited for where there is time, escalated otherwise, overridden by a person."""

from __future__ import annotations

from datetime import timedelta

from models.incident.incident import IncidentState, Outcome
from models.incident.refusal import RefusalReason
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident

KILL = "kill process 77 (thief), which listens on port 3000"
MINUTE = timedelta(minutes=1)


async def failed(harness: Harness) -> None:
    """A restart that did not help; a person closed its incident, and the service hangs still."""
    harness.world.health, harness.world.process = sights.REFUSED, sights.RUNNING
    harness.world.works = False
    first = await harness.fire(await harness.alert())
    await harness.until(first, "escalated")
    await harness.closes(first)
    harness.world.works = True
    assert harness.world.done == ["restart backend"]


async def refused(harness: Harness, ago: timedelta = timedelta()) -> tuple[Incident, IncidentState]:
    """The next incident, which began so long ago, once its steward has refused the same restart."""
    second = await harness.fire(await harness.alert(ago=ago))
    for _ in range(600):
        if (state := await harness.state(second)).refused:
            return second, state
        await harness.sleep(timedelta(seconds=0.1))
    raise AssertionError(f"never refused: {[one.text for one in state.timeline]}")


async def test_a_cooldown_that_ends_in_time_is_waited_for_and_then_it_looks_again(harness: Harness) -> None:
    await failed(harness)
    second, state = await refused(harness)
    assert state.refused is not None
    assert state.refused.reason is RefusalReason.COOLDOWN
    assert "service unblock backend" in state.refused.lifted_by
    state = await harness.until_it_waits(second)
    assert state.waits_until == state.refused.until if state.refused else False
    assert (await harness.book()).holder is None, "an incident that waits for a limit holds nothing"
    harness.world.process = sights.crashed(await harness.now())
    assert (await harness.end(second)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["restart backend", "start backend"], "the old plan was not carried out"


async def test_what_recovered_during_a_cooldown_is_not_touched(harness: Harness) -> None:
    await failed(harness)
    second, _ = await refused(harness)
    await harness.until_it_waits(second)
    harness.world.health = sights.HEALTHY
    assert (await harness.end(second)).outcome is Outcome.SELF_RECOVERED
    assert harness.world.done == ["restart backend"]


async def test_the_end_of_the_alert_ends_the_wait_for_a_limit(harness: Harness) -> None:
    await failed(harness)
    second, _ = await refused(harness)
    await harness.until_it_waits(second)
    await harness.resolve(second)
    assert (await harness.end(second)).outcome is Outcome.RESOLVED_ELSEWHERE


async def test_a_cooldown_beyond_the_deadline_is_escalated_with_its_reason(harness: Harness) -> None:
    await failed(harness)
    second, _ = await refused(harness, ago=3 * MINUTE)
    state = await harness.until(second, "escalated")
    assert state.refused is not None
    assert state.refused.reason is RefusalReason.COOLDOWN
    assert any("must pass before the next; lifted at" in one.text for one in state.timeline)
    assert "On-Call" in harness.world.pages()
    await harness.closes(second)
    assert harness.world.done == ["restart backend"]


async def test_the_restarts_of_an_hour_are_used_up_although_each_of_them_helped(harness: Harness) -> None:
    harness.configure(services={"backend": {"limits": {"restarts_per_hour": 1}}})
    assert (await harness.end(await harness.fire(await harness.alert()))).outcome is Outcome.RESOLVED
    harness.world.health, harness.world.process = sights.REFUSED, sights.crashed(await harness.now())
    second, state = await refused(harness)
    assert state.refused is not None
    assert state.refused.reason is RefusalReason.RESTARTS
    await harness.until(second, "escalated")
    await harness.closes(second)
    assert harness.world.done == ["start backend"]
    await harness.steward().signal("unblock")
    assert (await harness.end(await harness.fire(await harness.alert()))).outcome is Outcome.RESOLVED


async def test_a_person_who_is_asked_sees_the_limit_and_may_override_it(harness: Harness) -> None:
    harness.configure(services={"backend": {"limits": {"restarts_per_hour": 0}}})
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    assert state.awaiting.limit is not None
    assert state.awaiting.limit.reason is RefusalReason.RESTARTS
    asked = next(one for one in harness.world.told if one.title.startswith("approval needed"))
    assert "An approval overrides this limit: backend may have 0 restarts an hour unasked" in asked.text
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == [KILL, "start backend"]
