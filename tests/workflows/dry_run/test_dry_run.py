"""Which incidents are dry runs, what they hold up, and what is told of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.postgres.database_seen import DatabaseKind
from models.incident.dry_run import Answer, Judged
from models.incident.incident import Outcome
from models.names import DRY_RUN, incident_id, steward_id
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.switch import resume, suspend

START, RESTART = "start backend", "restart backend"
DRY = {"dry_run": True}


@pytest.mark.parametrize(
    ("changes", "by"),
    [
        (DRY, "dry_run: true"),
        ({"services": {"backend": DRY}}, "services.backend.dry_run: true"),
        ({"alerts": {"ServiceDown": DRY}}, "alerts.ServiceDown.dry_run: true"),
    ],
)
async def test_the_fleet_a_service_or_an_alert_is_a_dry_run(
    harness: Harness, changes: dict[str, object], by: str
) -> None:
    harness.configure(**changes)
    harness.world.process = sights.RUNNING
    handle = await harness.fire(await harness.alert())
    review = await harness.end(handle)
    assert review.dry_run
    assert (review.dry_run.why, review.outcome) == (by, Outcome.DRY_RUN)
    assert [(one.says, one.answer) for one in review.dry_run.planned] == [(RESTART, Answer.POLICY)]
    assert harness.world.done == []
    assert (await harness.state(handle)).dry_run == by


async def test_another_service_is_not_a_dry_run(harness: Harness) -> None:
    harness.configure(services={"postgres": DRY})
    review = await harness.end(await harness.fire(await harness.alert()))
    assert (review.outcome, review.dry_run) == (Outcome.RESOLVED, None)
    assert harness.world.done == [START]


async def test_a_dependency_that_only_records_is_not_touched_by_a_real_incident(harness: Harness) -> None:
    harness.configure(services={"postgres": DRY})
    harness.world.process, harness.world.health = sights.RUNNING, sights.HEALTHY
    harness.world.errors, harness.world.sessions = sights.MANY_ERRORS, sights.deadlocked()
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    review = await harness.end(handle)
    assert harness.world.done == []
    assert review.dry_run
    assert review.dry_run.why == "services.postgres.dry_run: true"
    assert review.dry_run.planned[0].answer is Answer.APPROVED
    assert review.dry_run.judged is Judged.APPROVED


async def test_a_real_incident_does_not_wait_for_a_dry_run_of_the_same_name(harness: Harness) -> None:
    harness.world.hold("watch_health")
    dry = await harness.fire(await harness.alert(dry_run=True))
    await harness.until(dry, "verifying")
    assert harness.world.done == []
    real = await harness.fire(await harness.alert())
    await harness.until(real, "verifying")
    assert harness.world.done == [START]
    assert (dry.id, real.id) == (f"ServiceDown/backend{DRY_RUN}", "ServiceDown/backend")
    book = await harness.book()
    assert book.holder
    assert [one.says for one in book.performed] == [START]
    harness.world.let_go("watch_health")
    assert (await harness.end(dry)).outcome is Outcome.DRY_RUN
    assert (await harness.end(real)).outcome is Outcome.RESOLVED


async def test_dry_runs_that_do_not_recover_block_nothing(harness: Harness) -> None:
    harness.world.watched["watch_health"] = sights.FAILING
    for _ in range(4):
        handle = await harness.fire(await harness.alert(dry_run=True))
        await harness.until(handle, "escalated")
        await harness.closes(handle)
    steward = harness.env.client.get_workflow_handle(steward_id("backend", dry_run=True))
    state = await steward.query("state")
    assert (state["failures"], state["blocked_until"]) == ([], None)


async def test_a_person_is_called_when_nothing_made_it_well(harness: Harness) -> None:
    harness.configure(**DRY)
    harness.world.watched["watch_health"] = sights.FAILING
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert any(one.text.startswith("escalated: ") for one in state.timeline)
    review = await harness.closes(handle)
    assert review.dry_run
    assert (review.dry_run.ended, review.dry_run.judged) == (Outcome.CLOSED_BY_HUMAN, Judged.UNKNOWN)
    assert any("nothing was done, this is a dry run" in one for one in review.remarks)
    assert set(harness.world.pages()) >= {"On-Call"}
    assert review.did_not_help == ()


async def test_who_recovers_without_it_did_not_need_it(harness: Harness) -> None:
    harness.configure(**DRY)
    harness.world.process = sights.RUNNING
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.dry_run
    assert (review.dry_run.ended, review.dry_run.judged) == (Outcome.RESOLVED, Judged.NOT_NEEDED)


async def test_a_person_who_did_the_same_agrees(harness: Harness) -> None:
    harness.configure(**DRY)
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "verifying")
    later = await harness.now() + timedelta(seconds=30)
    harness.world.process = sights.RUNNING.model_copy(update={"started_at": later})
    harness.world.let_go("watch_health")
    review = await harness.end(handle)
    assert review.dry_run
    assert review.dry_run.judged is Judged.SAME
    assert "somebody started backend" in review.dry_run.same


async def test_a_denied_plan_is_kept_with_who_denied_it(harness: Harness) -> None:
    harness.configure(**DRY, risks={"start-service": "dangerous"})
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("deny")
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    assert review.dry_run
    assert [one.answer for one in review.dry_run.planned] == [Answer.DENIED]
    assert (review.outcome, review.dry_run.judged) == (Outcome.DRY_RUN, Judged.DENIED)


async def test_every_message_says_that_it_is_a_dry_run(harness: Harness) -> None:
    harness.configure(**DRY, risks={"restart-service": "dangerous"})
    harness.world.process = sights.RUNNING
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.end(handle)
    assert len(harness.world.told) >= 3
    assert all(one.title.startswith("dry run: ") for one in harness.world.told)
    assert all("nothing is done, whatever is answered" in one.text for one in harness.world.told)


async def test_what_is_healed_first_is_a_dry_run_too(harness: Harness) -> None:
    harness.configure(alerts={"ServiceDown": DRY})
    harness.world.process = sights.RUNNING
    harness.world.database = sights.database(DatabaseKind.REFUSED)
    harness.world.database_process = sights.crashed(sights.LONG_AGO)
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    healing = incident_id("DatabaseConnectionFailure", "postgres", dry_run=True)
    review = await harness.closes(handle)
    assert review.handed_to == (healing,)
    assert harness.world.done == []


async def test_a_dry_run_stands_still_while_suspended_as_a_real_one_does(harness: Harness) -> None:
    harness.configure(**DRY)
    harness.world.process = sights.RUNNING
    await suspend(harness, by="anna", why="we are moving the database")
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "paused")
    assert (state.performed, harness.world.pages()) == ((), [])
    await resume(harness, by="anna")
    review = await harness.end(handle)
    assert review.outcome is Outcome.DRY_RUN
    assert harness.world.done == []


async def test_who_is_to_repair_it_is_paged_while_a_recorded_restart_is_compared(harness: Harness) -> None:
    harness.configure(alerts={"MemoryKeepsGrowing": {"severity": "warning"}}, **DRY)
    world = harness.world
    world.health, world.process, world.growth = sights.HEALTHY, sights.RUNNING, sights.GROWING
    handle = await harness.fire(await harness.alert("MemoryKeepsGrowing"))
    await harness.until(handle, "awaiting approval", step=timedelta(seconds=50))
    await handle.signal("approve")
    await harness.until_it_waits(handle)
    await harness.sleep(timedelta(hours=2))
    assert harness.world.pages()[-1] == "CTO", "nothing was repaired, so the ladder climbs on"
    assert harness.world.done == []
    await harness.closes(handle)
