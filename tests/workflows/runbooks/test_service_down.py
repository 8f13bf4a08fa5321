"""ServiceDown, cause by cause, against a scripted world."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows.night import Night
from tests.workflows.sights import BLIND, HEALTHY, RUNNING


async def test_a_crash_is_started_and_proved(night: Night) -> None:
    handle = await night.fire(await night.alert())
    review = await night.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert review.cause == "crash"
    assert night.world.done == ["start backend"]
    assert [one.approved_by for one in review.performed] == ["policy (safe at critical)"]
    assert night.world.reviews == [review]


async def test_nothing_wrong_is_self_recovered_and_nothing_is_touched(night: Night) -> None:
    night.world.health, night.world.process = HEALTHY, RUNNING
    review = await night.end(await night.fire(await night.alert()))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert night.world.done == []
    assert night.world.pages() == []


async def test_blind_monitoring_is_announced_and_nothing_is_touched(night: Night) -> None:
    night.world.health, night.world.process = BLIND, RUNNING
    handle = await night.fire(await night.alert())
    state = await night.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    await handle.signal("done")
    review = await night.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert night.world.done == []
    assert "On-Call" in night.world.pages()


async def test_a_look_that_fails_is_evidence_that_could_not_be_had(night: Night) -> None:
    night.world.broken_looks = {"read_logs"}
    review = await night.end(await night.fire(await night.alert()))
    assert review.outcome is Outcome.RESOLVED
    seen = {line.name: line for line in review.evidence}
    assert seen["logs"].finding == "unknown"
    assert "the look itself is broken" in seen["logs"].reason
