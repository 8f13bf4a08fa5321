"""ServiceDown, cause by cause, against a scripted world."""

from __future__ import annotations

from datetime import timedelta

from activities.health.health_seen import HealthSeen
from activities.managers.process_seen import OwnCheck
from activities.postgres.database_seen import DatabaseKind
from models.evidence.evidence import Finding
from models.incident.incident import Outcome
from tests.workflows.harness import Harness
from tests.workflows.sights import (
    ANSWERS,
    BLIND,
    HEALTHY,
    LONG_AGO,
    REFUSED,
    RUNNING,
    YOUNG,
    database,
    stopped,
)


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


async def test_what_its_restart_policy_brought_back_is_waited_for_and_nobody_is_paged(
    harness: Harness,
) -> None:
    harness.world.process = YOUNG
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "probe_health" in harness.world.called)
    await harness.sleep(timedelta(seconds=30))
    assert harness.world.done == []
    harness.world.health, harness.world.process = HEALTHY, RUNNING
    review = await harness.end(handle)
    assert review.outcome is Outcome.SELF_RECOVERED
    assert harness.world.pages() == []
    assert harness.world.done == []


async def test_what_does_not_answer_once_it_had_its_time_is_hung(harness: Harness) -> None:
    harness.world.process = YOUNG
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "probe_health" in harness.world.called)
    await harness.sleep(timedelta(seconds=30))
    harness.world.process = RUNNING
    review = await harness.end(handle)
    assert (review.cause, harness.world.done) == ("hung", ["restart backend"])


async def test_the_end_of_the_alert_ends_the_wait_for_a_start(harness: Harness) -> None:
    harness.world.process = YOUNG
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "probe_health" in harness.world.called)
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert harness.world.done == []


async def test_a_person_ends_the_wait_for_a_start(harness: Harness) -> None:
    harness.world.process = YOUNG
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "probe_health" in harness.world.called)
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


async def test_what_somebody_stopped_counts_as_no_crash(harness: Harness) -> None:
    for number in range(3):
        harness.world.health = REFUSED
        harness.world.process = stopped(LONG_AGO + timedelta(minutes=number))
        handle = await harness.fire(await harness.alert())
        await harness.until(handle, "awaiting approval")
        await handle.signal("approve")
        assert (await harness.end(handle)).cause == "stopped by somebody"
    assert (await harness.book()).crashes == ()
    assert "Platform Team" not in harness.world.pages()


async def test_nobody_is_woken_for_a_database_that_comes_back_by_itself(harness: Harness) -> None:
    harness.world.process = RUNNING
    harness.world.database = database(DatabaseKind.RECOVERING)
    harness.world.hold("wait_for_recovery")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "wait_for_recovery" in harness.world.called)
    assert "DBA" not in harness.world.pages()
    harness.world.database, harness.world.health = ANSWERS, HEALTHY
    harness.world.let_go("wait_for_recovery")
    review = await harness.end(handle)
    assert (review.cause, review.outcome, harness.world.done) == ("database lost", Outcome.RESOLVED, [])
    assert "DBA" not in harness.world.pages()


async def test_a_service_without_a_check_is_judged_by_its_own_healthcheck(harness: Harness) -> None:
    harness.configure(services={"backend": {"health": None}})
    harness.world.health = HealthSeen(reason="no health check is configured")
    harness.world.process = RUNNING.model_copy(
        update={"finding": Finding.BAD, "own_check": OwnCheck.TIMED_OUT, "reason": "its HEALTHCHECK failed"}
    )
    review = await harness.end(await harness.fire(await harness.alert()))
    assert (review.cause, harness.world.done) == ("hung", ["restart backend"])
    assert "watch_process" in harness.world.called
