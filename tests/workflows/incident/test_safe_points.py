"""What every runbook has in common: nothing is done without a reason, nor twice, nor too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from models.incident.alert import AlertStatus
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Incident, Night
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

    async def fire(self, night: Night) -> Incident:
        return await night.fire(await night.alert(self.runbook, service=self.service))


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
        sick=failing(heap=sights.GROWING_HEAP),
        fix="restart_service",
        does="restart backend",
        asks=failing(sessions=sights.deadlocked()),
        well=failing(errors=sights.FEW_ERRORS, heap=sights.GROWING_HEAP),
        blind=failing(errors=sights.NO_TRAFFIC, heap=sights.GROWING_HEAP),
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
async def test_nothing_wrong_is_self_recovered_and_nothing_is_touched(night: Night, case: Case) -> None:
    await case.well(night)
    review = await night.end(await case.fire(night))
    assert review.outcome is Outcome.SELF_RECOVERED
    assert night.world.done == []
    assert night.world.pages() == []


@every_runbook
async def test_blindness_is_announced_and_nothing_is_touched(night: Night, case: Case) -> None:
    await case.blind(night)
    handle = await case.fire(night)
    state = await night.until(handle, "escalated")
    assert any("could not verify the alert" in entry.text for entry in state.timeline)
    await night.env.sleep(timedelta(hours=1))
    assert night.world.done == []
    assert night.world.pages()[0] == "On-Call"
    assert (await night.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN


@every_runbook
async def test_a_fix_without_effect_escalates_and_is_not_repeated(night: Night, case: Case) -> None:
    await case.sick(night)
    night.world.watched[case.watch] = sights.FAILING
    handle = await case.fire(night)
    await night.until(handle, "escalated")
    await night.env.sleep(timedelta(hours=1))
    assert night.world.done == [case.does]
    review = await night.closes(handle)
    assert review.did_not_help == (f"{case.does}: done",)
    assert any("still fails" in remark for remark in review.remarks)


@every_runbook
async def test_a_fix_that_was_not_done_escalates_and_is_not_repeated(night: Night, case: Case) -> None:
    await case.sick(night)
    night.world.works = False
    handle = await case.fire(night)
    await night.until(handle, "escalated")
    await night.env.sleep(timedelta(hours=1))
    assert night.world.done == [case.does]
    assert case.watch not in night.world.called
    assert (await night.closes(handle)).did_not_help == (f"{case.does}: it did not help",)


@every_runbook
async def test_a_proof_that_nobody_can_see_is_not_a_recovery(night: Night, case: Case) -> None:
    await case.sick(night)
    night.world.watched[case.watch] = sights.UNSEEN
    handle = await case.fire(night)
    state = await night.until(handle, "escalated")
    assert any("cannot be seen" in entry.text for entry in state.timeline)
    await night.closes(handle)


@every_runbook
async def test_resolved_while_looking_nothing_is_done(night: Night, case: Case) -> None:
    await case.sick(night)
    alert = await night.alert(case.runbook, service=case.service)
    over = alert.model_copy(update={"status": AlertStatus.RESOLVED})
    handle = await night.fire(alert, start_signal="alert_changed", start_signal_args=[over])
    review = await night.end(handle)
    assert (review.outcome, review.remarks) == (Outcome.RESOLVED_ELSEWHERE, ())
    assert night.world.done == []


@every_runbook
async def test_resolved_while_waiting_for_approval_the_question_expires(night: Night, case: Case) -> None:
    await case.asks(night)
    handle = await case.fire(night)
    await night.until(handle, "awaiting approval")
    await night.resolve(handle)
    review = await night.end(handle)
    assert (review.outcome, review.remarks) == (Outcome.RESOLVED_ELSEWHERE, ())
    assert night.world.done == []
    assert (await night.state(handle)).awaiting is None


@every_runbook
async def test_resolved_while_acting_it_is_still_proved(night: Night, case: Case) -> None:
    await case.sick(night)
    night.world.hold(case.fix)
    handle = await case.fire(night)
    await night.until_true(lambda: case.fix in night.world.called)
    await night.resolve(handle)
    night.world.let_go(case.fix)
    assert (await night.end(handle)).outcome is Outcome.RESOLVED
    assert night.world.done == [case.does]
    assert case.watch in night.world.called


@every_runbook
async def test_resolved_while_verifying_nothing_new_is_done(night: Night, case: Case) -> None:
    await case.sick(night)
    night.world.hold(case.watch)
    handle = await case.fire(night)
    await night.until_true(lambda: case.watch in night.world.called)
    await night.resolve(handle)
    night.world.watched[case.watch] = sights.FAILING
    night.world.let_go(case.watch)
    await night.until(handle, "escalated")
    await night.env.sleep(timedelta(minutes=1))
    assert (await night.state(handle)).phase == "escalated", "what was said before it failed ends nothing"
    assert (await night.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert night.world.done == [case.does]


async def test_an_unknown_service_is_escalated_and_never_guessed(night: Night) -> None:
    handle = await night.fire(await night.alert(service="backend-7f9"))
    state = await night.until(handle, "escalated")
    assert any("knows no service backend-7f9" in entry.text for entry in state.timeline)
    assert set(night.world.called) <= {"announce"}
    await night.closes(handle)


async def test_an_alert_without_a_runbook_is_announced_with_its_evidence(night: Night) -> None:
    handle = await night.fire(await night.alert("DiskSlow"))
    await night.until(handle, "escalated")
    await night.until_true(lambda: "On-Call" in night.world.pages())
    assert any("health: bad, connection refused" in one.text for one in night.world.told)
    review = await night.closes(handle)
    assert (review.runbook, review.short) == ("AnyAlert", True)
    assert night.world.done == []
