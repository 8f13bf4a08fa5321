"""An approval that comes hours later is one of what was seen then: it is looked at again before acting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import SCALABLE, failing

HOURS = timedelta(hours=2)


async def asked(harness: Harness) -> Incident:
    """A leak, and a restart that needs approval."""
    harness.configure(alerts={"HighErrorRate": {"severity": "warning"}}, **SCALABLE)
    await failing(memory=sights.FILLING_HEAP)(harness)
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until(handle, "awaiting approval")
    return handle


async def test_what_is_over_when_the_approval_comes_is_left_alone(harness: Harness) -> None:
    handle = await asked(harness)
    await harness.sleep(HOURS)
    harness.world.errors = sights.FEW_ERRORS
    await handle.signal("approve")
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.SELF_RECOVERED, [])


async def test_what_is_still_so_is_done_without_a_second_question(harness: Harness) -> None:
    handle = await asked(harness)
    await harness.sleep(HOURS)
    before = harness.world.called.count("look_at_errors")
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["restart backend"]
    assert harness.world.called.count("look_at_errors") > before


async def test_another_cause_by_then_is_another_question(harness: Harness) -> None:
    handle = await asked(harness)
    await harness.sleep(HOURS)
    harness.world.process = sights.crashed(sights.LONG_AGO)
    await handle.signal("approve")
    await harness.sleep(timedelta(minutes=1))
    assert "restart backend" not in harness.world.done
    review_so_far = await harness.state(handle)
    assert any("does not fit any more: restart backend" in one.text for one in review_so_far.timeline)


async def test_an_approval_in_time_is_carried_out_at_once(harness: Harness) -> None:
    handle = await asked(harness)
    before = harness.world.called.count("look_at_errors")
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.called.count("look_at_errors") == before


@pytest.mark.parametrize("ends", [Outcome.CANCELLED, Outcome.CLOSED_BY_HUMAN, Outcome.RESOLVED_ELSEWHERE])
async def test_nothing_is_asked_once_it_is_over(harness: Harness, ends: Outcome) -> None:
    """It ended while the steward was asked for the service."""
    await failing(memory=sights.FILLING_HEAP)(harness)
    harness.configure(alerts={"HighErrorRate": {"severity": "warning"}}, **SCALABLE)
    harness.world.hold("ask_steward")
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until_true(lambda: bool(harness.world.stewards))
    if ends is Outcome.RESOLVED_ELSEWHERE:
        await harness.resolve(handle)
    else:
        await (handle.cancel() if ends is Outcome.CANCELLED else handle.signal("done"))
    harness.world.let_go("ask_steward")
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (ends, [])
    assert not any("asks for approval" in entry.text for entry in review.timeline)
