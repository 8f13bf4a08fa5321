"""The ladder alone: its clock, and the proof during which nobody is woken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import BaseModel
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from models.incident.policy import Ladder, Rung
    from tests.workflows import sights
    from tests.workflows.harness import Harness
    from tests.workflows.scenes import scene
    from workflows.escalation.ladder import Climb
    from workflows.escalation.position import PLANNED

MINUTE = timedelta(minutes=1)


class Climbed(BaseModel):
    ladder: Ladder


@workflow.defn
class ClimbAlone:
    """Climbs a ladder; the test says whether a proof goes on."""

    def __init__(self) -> None:
        self._pages: list[str] = []
        self._proving = False

    @workflow.run
    async def run(self, climbed: Climbed) -> None:
        self._climb = Climb(climbed.ladder, workflow.now(), self._page, self._proved)
        await self._climb.run()

    @workflow.signal
    def push(self, why: str) -> None:
        self._climb.push(why)

    @workflow.signal
    def fail(self, why: str) -> None:
        self._climb.failed(why)

    @workflow.signal
    def acknowledge(self, by: str) -> None:
        self._climb.acknowledge(by)

    @workflow.signal
    def proving(self, goes_on: bool) -> None:
        self._proving = goes_on

    @workflow.signal
    def stand_still(self, why: str) -> None:
        self._climb.stand_still(why)

    @workflow.signal
    def go_on(self, why: str) -> None:
        self._climb.go_on(why)

    @workflow.query
    def pages(self) -> list[str]:
        return self._pages

    def _page(self, rung: Rung, why: str) -> None:
        self._pages.append(f"{rung.role}: {why}")

    async def _proved(self) -> bool:
        if not self._proving:
            return False
        await workflow.wait_condition(lambda: not self._proving)
        return True


LADDER = Ladder(
    rungs=tuple(
        Rung(role=role, after=after * MINUTE, channels=())
        for role, after in (("On-Call", 0), ("Team Lead", 5), ("CTO", 10))
    )
)

Climbing = WorkflowHandle[ClimbAlone, None]


async def climb(harness: Harness) -> Climbing:
    return await harness.env.client.start_workflow(
        ClimbAlone.run, Climbed(ladder=LADDER), id=str(uuid4()), task_queue="ladder"
    )


async def roles(handle: Climbing) -> list[str]:
    return [page.split(":")[0] for page in await handle.query(ClimbAlone.pages)]


@pytest.fixture
async def ladder_worker(harness: Harness) -> AsyncIterator[None]:
    async with Worker(harness.env.client, task_queue="ladder", workflows=[ClimbAlone]):
        yield


@pytest.mark.usefixtures("ladder_worker")
async def test_nobody_is_woken_at_the_deadline_while_only_the_proof_goes_on(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(MINUTE)
    await handle.signal(ClimbAlone.proving, True)
    await harness.sleep(5 * MINUTE)
    assert await roles(handle) == ["On-Call"], "the deadline was for the recovery, not for its proof"
    await handle.signal(ClimbAlone.proving, False)
    await harness.sleep(timedelta(seconds=1))
    assert await roles(handle) == ["On-Call", "Team Lead"], "the proof is over, and it is not over"


@pytest.mark.usefixtures("ladder_worker")
async def test_every_rung_has_its_time(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(4 * MINUTE)
    assert await roles(handle) == ["On-Call"]
    await harness.sleep(2 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await harness.sleep(5 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO"]


@pytest.mark.usefixtures("ladder_worker")
async def test_at_the_top_nothing_falls_silent_and_nobody_is_flooded(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(11 * MINUTE)
    before = await roles(handle)
    for _ in range(3):
        await handle.signal(ClimbAlone.push, "the fix did not help")
        await harness.sleep(timedelta(seconds=10))
    assert await roles(handle) == [*before, "CTO"], "told at once, and once"
    await harness.sleep(5 * MINUTE)
    assert await roles(handle) == [*before, "CTO", "CTO"], "what was said meanwhile is told after the pause"


@pytest.mark.usefixtures("ladder_worker")
async def test_a_failure_ends_an_acknowledgement_and_the_rungs_keep_their_distance(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(MINUTE)
    await handle.signal(ClimbAlone.acknowledge, "ada")
    await harness.sleep(10 * MINUTE)
    assert await roles(handle) == ["On-Call"]
    await handle.signal(ClimbAlone.fail, "the fix did not help")
    await harness.sleep(timedelta(seconds=1))
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await harness.sleep(4 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await harness.sleep(2 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO"]


@pytest.mark.usefixtures("ladder_worker")
async def test_what_fails_in_the_second_of_a_page_wakes_nobody_else_in_that_second(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(timedelta(seconds=1))
    await handle.signal(ClimbAlone.fail, "the cause has no fix")
    await harness.sleep(timedelta(seconds=30))
    assert await roles(handle) == ["On-Call"]
    await harness.sleep(timedelta(seconds=31))
    assert await roles(handle) == ["On-Call", "Team Lead"]


@pytest.mark.usefixtures("ladder_worker")
async def test_a_deadline_and_a_failure_in_one_second_are_one_rung(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(5 * MINUTE - timedelta(seconds=1))
    await handle.signal(ClimbAlone.fail, "the fix did not help")
    await harness.sleep(timedelta(seconds=20))
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await harness.sleep(2 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead"]


@pytest.mark.usefixtures("ladder_worker")
async def test_nobody_who_acknowledges_at_the_top_is_asked_again_and_again(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(11 * MINUTE)
    for asked in (1, 2, 3):
        await harness.sleep(30 * MINUTE)
        assert await roles(handle) == ["On-Call", "Team Lead", *["CTO"] * (1 + asked)]
    await handle.signal(ClimbAlone.acknowledge, "ada")
    await harness.sleep(29 * MINUTE)
    assert (await roles(handle)).count("CTO") == 4


@pytest.mark.usefixtures("ladder_worker")
async def test_after_a_day_the_top_is_asked_once_a_day(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(timedelta(days=2))
    before = len(await roles(handle))
    await harness.sleep(timedelta(days=10))
    assert 9 <= len(await roles(handle)) - before <= 11


@pytest.mark.usefixtures("ladder_worker")
async def test_while_it_stands_still_nobody_is_paged_and_each_rung_keeps_its_time(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(4 * MINUTE)
    await handle.signal(ClimbAlone.stand_still, "maintenance")
    await handle.signal(ClimbAlone.stand_still, "suspended")
    await harness.sleep(timedelta(hours=1))
    await handle.signal(ClimbAlone.go_on, "maintenance")
    await harness.sleep(timedelta(hours=1))
    assert await roles(handle) == ["On-Call"]
    await handle.signal(ClimbAlone.go_on, "suspended")
    await harness.sleep(timedelta(seconds=30))
    assert await roles(handle) == ["On-Call"], "a minute was left"
    await harness.sleep(timedelta(seconds=31))
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await harness.sleep(4 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await harness.sleep(2 * MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO"]


@pytest.mark.usefixtures("ladder_worker")
async def test_in_a_planned_wait_no_rung_falls_due_and_what_fails_is_told(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(4 * MINUTE)
    await handle.signal(ClimbAlone.stand_still, PLANNED)
    await harness.sleep(timedelta(hours=1))
    assert await roles(handle) == ["On-Call"]
    await handle.signal(ClimbAlone.push, "it cannot be reverted")
    await harness.sleep(timedelta(hours=1))
    assert await roles(handle) == ["On-Call", "Team Lead"]
    await handle.signal(ClimbAlone.go_on, PLANNED)
    await harness.sleep(5 * MINUTE + timedelta(seconds=50))
    assert await roles(handle) == ["On-Call", "Team Lead"], "six minutes were left"
    await harness.sleep(timedelta(seconds=15))
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO"]


@pytest.mark.usefixtures("ladder_worker")
async def test_what_fails_at_the_end_of_a_planned_wait_is_told_after_its_moment(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(4 * MINUTE)
    await handle.signal(ClimbAlone.stand_still, PLANNED)
    await harness.sleep(timedelta(hours=1))
    await handle.signal(ClimbAlone.push, "it cannot be reverted")
    await harness.sleep(timedelta(seconds=10))
    await handle.signal(ClimbAlone.fail, "it did not come back")
    await harness.sleep(timedelta(seconds=10))
    await handle.signal(ClimbAlone.go_on, PLANNED)
    await harness.sleep(timedelta(seconds=10))
    assert await roles(handle) == ["On-Call", "Team Lead"], "who was paged just now has a moment"
    await harness.sleep(timedelta(seconds=40))
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO"]


@pytest.mark.usefixtures("ladder_worker")
async def test_the_top_is_not_asked_again_in_a_planned_wait(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(11 * MINUTE)
    await handle.signal(ClimbAlone.stand_still, PLANNED)
    await harness.sleep(timedelta(hours=3))
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO"]
    await handle.signal(ClimbAlone.fail, "it failed")
    await harness.sleep(MINUTE)
    assert await roles(handle) == ["On-Call", "Team Lead", "CTO", "CTO"]


@pytest.mark.usefixtures("ladder_worker")
async def test_what_fails_while_it_stands_still_is_told_when_it_goes_on(harness: Harness) -> None:
    handle = await climb(harness)
    await harness.sleep(2 * MINUTE)
    await handle.signal(ClimbAlone.stand_still, "maintenance")
    await harness.sleep(MINUTE)
    await handle.signal(ClimbAlone.fail, "the fix did not help")
    await harness.sleep(10 * MINUTE)
    assert await roles(handle) == ["On-Call"]
    await handle.signal(ClimbAlone.go_on, "maintenance")
    await harness.sleep(timedelta(seconds=1))
    assert await roles(handle) == ["On-Call", "Team Lead"]


@pytest.mark.usefixtures("ladder_worker")
async def test_neither_the_top_nor_who_acknowledged_is_asked_again_while_it_stands_still(
    harness: Harness,
) -> None:
    handle = await climb(harness)
    await harness.sleep(11 * MINUTE)
    for _ in range(2):
        await handle.signal(ClimbAlone.stand_still, "maintenance")
        await harness.sleep(timedelta(hours=2))
        asked = len(await roles(handle))
        await handle.signal(ClimbAlone.go_on, "maintenance")
        await harness.sleep(28 * MINUTE)
        assert len(await roles(handle)) == asked
        await harness.sleep(3 * MINUTE)
        assert len(await roles(handle)) == asked + 1
        await handle.signal(ClimbAlone.acknowledge, "ada")


async def test_a_proof_that_fails_to_run_keeps_nobody_asleep(harness: Harness) -> None:
    await scene(process=sights.crashed(sights.LONG_AGO))(harness)
    away = ApplicationError("its host is away", non_retryable=True)
    harness.world.watched["watch_health"] = away
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.sleep(40 * MINUTE)
    assert harness.world.pages()[:3] == ["On-Call", "Team Lead", "CTO"]
    await harness.closes(handle)


@pytest.mark.parametrize(
    ("position", "passed"),
    [("", []), ("On-Call", []), ("Team Lead", ["On-Call"]), ("CTO", ["On-Call", "Team Lead"]), ("DBA", [])],
)
def test_only_the_rungs_below_the_highest_climbed_are_passed(position: str, passed: list[str]) -> None:
    climb = Climb(LADDER, datetime(2026, 1, 5, 3, tzinfo=UTC), _page_nobody, _not_proved)
    climb.position = position
    beside = Rung(role="DBA", after=MINUTE, channels=())
    assert [rung.role for rung in (*LADDER.rungs, beside) if climb.passed(rung)] == passed


def _page_nobody(rung: Rung, why: str) -> None:
    """Here nobody climbs."""


async def _not_proved() -> bool:
    return False
