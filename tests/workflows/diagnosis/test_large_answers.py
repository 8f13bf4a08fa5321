"""What answers in place of an engine sends megabytes: one look is unknown, and a person is called."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from activities.managers.process_seen import ProcessSeen
from activities.orders.bounded_answers import LONGEST_FAILURE, BoundedAnswers
from models.service.service import Service
from runtime.hosting import workers
from tests.workflows.harness import Harness, open_harness
from tests.workflows.world import World

MEGABYTES = 6 * 2**20


class Quoting(World):
    """Its engine makes the look fail by what it sends."""

    def _process_of(self, service: Service) -> ProcessSeen:
        raise ValueError("x" * MEGABYTES)


async def test_an_answer_of_megabytes_is_one_look_that_is_unknown(harness: Harness) -> None:
    harness.world.process = harness.world.process.model_copy(update={"reason": "x" * MEGABYTES})
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert "sends more than can be kept" in str(state)
    await harness.until_true(lambda: bool(harness.world.pages()))


async def test_a_failure_that_quotes_megabytes_is_cut() -> None:
    async with open_harness(Quoting()) as harness:
        handle = await harness.fire(await harness.alert())
        state = await harness.until(handle, "escalated")
        assert "could not be checked: ValueError" in str(state)
        assert len(str(state)) < 20 * LONGEST_FAILURE
        await harness.until_true(lambda: bool(harness.world.pages()))


async def test_every_worker_bounds_its_answers(harness: Harness) -> None:
    with ThreadPoolExecutor(1) as threads:
        for worker in workers(harness.env.client, harness.world.activities(), threads, "web-1"):
            guards = worker.config().get("interceptors", [])
            assert any(isinstance(one, BoundedAnswers) for one in guards)
