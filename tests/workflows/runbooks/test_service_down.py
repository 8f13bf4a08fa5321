"""ServiceDown, cause by cause, against a scripted world."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows.harness import Harness
from tests.workflows.sights import BLIND, HEALTHY, RUNNING


async def test_a_crash_is_started_and_proved(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert())
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert review.cause == "crash"
    assert harness.world.done == ["start backend"]
    assert [one.approved_by for one in review.performed] == ["policy (safe at critical)"]
    assert harness.world.reviews == [review]


async def test_nothing_wrong_is_self_recovered_and_nothing_is_touched(harness: Harness) -> None:
    harness.world.health, harness.world.process = HEALTHY, RUNNING
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert harness.world.done == []
    assert harness.world.pages() == []


async def test_blind_monitoring_is_announced_and_nothing_is_touched(harness: Harness) -> None:
    harness.world.health, harness.world.process = BLIND, RUNNING
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    await handle.signal("done")
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert harness.world.done == []
    assert "On-Call" in harness.world.pages()


async def test_a_look_that_fails_is_evidence_that_could_not_be_had(harness: Harness) -> None:
    harness.world.broken_looks = {"read_logs"}
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.RESOLVED
    seen = {line.name: line for line in review.evidence}
    assert seen["logs"].finding == "unknown"
    assert "the look itself is broken" in seen["logs"].reason
