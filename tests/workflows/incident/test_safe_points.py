"""What every runbook has in common: nothing is done without a reason, nor twice, nor too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from models.incident.alert import AlertStatus
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import Scene, failing, scene, unreachable

CRASH = sights.crashed(sights.LONG_AGO)


@dataclass(frozen=True)
class Case:
    """One runbook: a fault that it heals alone, one that it asks about, health and blindness."""

    runbook: str
    service: str
    sick: Scene
    fix: str
    does: str
    asks: Scene
    well: Scene
    blind: Scene
    watch: str

    async def fire(self, harness: Harness) -> Incident:
        return await harness.fire(await harness.alert(self.runbook, service=self.service))


CASES = (
    Case(
        "ServiceDown",
        "backend",
        sick=scene(process=CRASH),
        fix="start_service",
        does="start backend",
        asks=scene(port=sights.TAKEN_PORT),
        well=scene(health=sights.HEALTHY, process=sights.RUNNING),
        blind=scene(health=sights.BLIND, process=sights.UNSEEN_PROCESS),
        watch="watch_health",
    ),
    Case(
        "HighErrorRate",
        "backend",
        sick=failing(memory=sights.FILLING_HEAP),
        fix="restart_service",
        does="restart backend",
        asks=failing(sessions=sights.deadlocked()),
        well=failing(errors=sights.FEW_ERRORS, memory=sights.FILLING_HEAP),
        blind=failing(errors=sights.NO_TRAFFIC, memory=sights.FILLING_HEAP),
        watch="watch_errors",
    ),
    Case(
        "DatabaseConnectionFailure",
        "postgres",
        sick=unreachable(DatabaseKind.REFUSED, database_process=CRASH),
        fix="start_service",
        does="start postgres",
        asks=unreachable(DatabaseKind.TIMED_OUT),
        well=scene(health=sights.HEALTHY),
        blind=unreachable(
            DatabaseKind.FAILED,
            database=DatabaseSeen(reason="the name does not resolve"),
            database_process=sights.UNSEEN_PROCESS,
        ),
        watch="watch_database",
    ),
)

every_runbook = pytest.mark.parametrize("case", CASES, ids=lambda case: case.runbook)


@every_runbook
async def test_nothing_wrong_is_self_recovered_and_nothing_is_touched(harness: Harness, case: Case) -> None:
    await case.well(harness)
    review = await harness.end(await case.fire(harness))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert harness.world.done == []
    assert harness.world.pages() == []


@every_runbook
async def test_blindness_is_announced_and_nothing_is_touched(harness: Harness, case: Case) -> None:
    await case.blind(harness)
    handle = await case.fire(harness)
    state = await harness.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    await harness.sleep(timedelta(hours=1))
    assert harness.world.done == []
    assert harness.world.pages()[0] == "On-Call"
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


@every_runbook
async def test_a_fix_without_effect_escalates_and_is_not_repeated(harness: Harness, case: Case) -> None:
    await case.sick(harness)
    harness.world.watched[case.watch] = sights.FAILING
    handle = await case.fire(harness)
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(hours=1))
    assert harness.world.done == [case.does]
    review = await harness.closes(handle)
    assert review.did_not_help == (f"{case.does}: done",)
    assert any("still fails" in remark for remark in review.remarks)


@every_runbook
async def test_a_fix_that_was_not_done_escalates_and_is_not_repeated(harness: Harness, case: Case) -> None:
    await case.sick(harness)
    harness.world.works = False
    handle = await case.fire(harness)
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(hours=1))
    assert harness.world.done == [case.does]
    assert case.watch not in harness.world.called
    assert (await harness.closes(handle)).did_not_help == (f"{case.does}: it did not help",)


@every_runbook
async def test_an_unknown_verification_is_not_a_recovery(harness: Harness, case: Case) -> None:
    await case.sick(harness)
    harness.world.watched[case.watch] = sights.UNSEEN
    handle = await case.fire(harness)
    state = await harness.until(handle, "escalated")
    assert any("cannot be seen" in entry.text for entry in state.timeline)
    await harness.closes(handle)


@every_runbook
async def test_resolved_while_looking_nothing_is_done(harness: Harness, case: Case) -> None:
    await case.asks(harness)
    harness.world.process = sights.RUNNING
    alert = await harness.alert(case.runbook, service=case.service)
    over = alert.model_copy(update={"status": AlertStatus.RESOLVED})
    handle = await harness.fire(alert, start_signal="alert_changed", start_signal_args=[over])
    review = await harness.end(handle)
    assert (review.outcome, review.remarks) == (Outcome.RESOLVED_ELSEWHERE, ())
    assert harness.world.done == []


@every_runbook
async def test_resolved_while_waiting_for_approval_the_question_expires(harness: Harness, case: Case) -> None:
    await case.asks(harness)
    handle = await case.fire(harness)
    await harness.until(handle, "awaiting approval")
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, review.remarks) == (Outcome.RESOLVED_ELSEWHERE, ())
    assert harness.world.done == []
    assert (await harness.state(handle)).awaiting is None


@every_runbook
async def test_resolved_while_acting_it_is_still_proved(harness: Harness, case: Case) -> None:
    await case.sick(harness)
    harness.world.hold(case.fix)
    handle = await case.fire(harness)
    await harness.until_true(lambda: case.fix in harness.world.called)
    await harness.resolve(handle)
    harness.world.let_go(case.fix)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == [case.does]
    assert case.watch in harness.world.called


@every_runbook
async def test_resolved_while_verifying_nothing_new_is_done(harness: Harness, case: Case) -> None:
    await case.sick(harness)
    harness.world.hold(case.watch)
    handle = await case.fire(harness)
    await harness.until_true(lambda: case.watch in harness.world.called)
    await harness.resolve(handle)
    harness.world.watched[case.watch] = sights.FAILING
    harness.world.let_go(case.watch)
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(minutes=1))
    assert (await harness.state(handle)).phase == "escalated", "what was said before it failed ends nothing"
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert harness.world.done == [case.does]


async def test_an_unknown_service_is_escalated_and_never_guessed(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert(service="backend-7f9"))
    state = await harness.until(handle, "escalated")
    assert any("there is no service backend-7f9" in entry.text for entry in state.timeline)
    assert set(harness.world.called) <= {"announce"}
    await harness.closes(handle)


async def test_an_alert_without_a_runbook_is_announced_with_its_evidence(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert("DiskSlow"))
    await harness.until(handle, "escalated")
    await harness.until_true(lambda: "On-Call" in harness.world.pages())
    assert any("health: bad, connection refused" in one.text for one in harness.world.told)
    review = await harness.closes(handle)
    assert (review.runbook, review.short) == ("AnyAlert", True)
    assert harness.world.done == []
