"""Open workflows of the application that get no further, and those that are started too often."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.app.executions import AppTemporalActivities, ExecutionsSeen, FailedExecutions
from activities.app.open_executions import OpenExecutionActivities, OpenExecutions, OpenExecutionsSeen
from activities.app.starts import StartActivities, StartsSeen, WorkflowStarts
from models.service.service import Service
from tests.integration.app.videos import (
    WORKFLOWS,
    Credits,
    KeepTrying,
    MakeVideo,
    Wait,
    Wedged,
    service_with,
)
from tests.parts.servers.sockets import closed_port, listening, silence

S = TypeVar("S")


async def opened(service: Service) -> OpenExecutionsSeen:
    asked = OpenExecutions(service=service)
    return await ActivityEnvironment().run(OpenExecutionActivities().open_executions, asked)


async def started(service: Service) -> StartsSeen:
    asked = WorkflowStarts(service=service)
    return await ActivityEnvironment().run(StartActivities().workflow_starts, asked)


async def failed(service: Service) -> ExecutionsSeen:
    asked = FailedExecutions(service=service)
    return await ActivityEnvironment().run(AppTemporalActivities().failed_executions, asked)


async def until(look: Callable[[], Awaitable[S]], true: Callable[[S], object]) -> S:
    """The search is eventual: look again for at most 60 s."""
    async with asyncio.timeout(60):
        while not true(seen := await look()):  # noqa: ASYNC110 - visibility is eventual
            await asyncio.sleep(0.1)
    return seen


async def test_what_fails_again_and_again_is_stuck_with_its_error(application: Client) -> None:
    credit, queue = Credits(), f"videos-{uuid.uuid4()}"
    service = service_with(application, stuck_attempts=3)
    activities: list[Any] = [credit.prepare_script, credit.render_video]
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS, activities=activities):
        handle = await application.start_workflow(KeepTrying.run, id="keep-trying", task_queue=queue)
        fine = await application.start_workflow(Wait.run, id="fine", task_queue=queue)
        seen = await until(lambda: opened(service), lambda seen: seen.stuck and seen.total == 2)
        (stuck,) = seen.stuck
        assert seen.bad
        assert (stuck.workflow_id, stuck.attempts >= 3) == ("keep-trying", True)
        assert "activity render_video is at attempt" in stuck.why
        assert "PikaError: out of credits for the same" in stuck.why
        assert "sk-0123456789abcdef" not in seen.model_dump_json()
        assert seen.running == ("Wait",)
        assert "keep-trying" in stuck.link
        credit.left = True
        assert await handle.result() == "a video of the same"
        await fine.signal(Wait.end)
        await fine.result()
    assert (await until(lambda: opened(service), lambda seen: not seen.total)).ok


async def test_what_fails_in_its_own_code_runs_for_ever_and_is_stuck(application: Client) -> None:
    queue, service = f"videos-{uuid.uuid4()}", service_with(application, stuck_attempts=2)
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS):
        handle = await application.start_workflow(Wedged.run, id="wedged", task_queue=queue)
        seen = await until(lambda: opened(service), lambda seen: seen.stuck)
        (stuck,) = seen.stuck
        assert (stuck.workflow_id, stuck.type) == ("wedged", "Wedged")
        assert "its own code fails at attempt" in stuck.why
        await handle.terminate()


async def test_what_is_open_far_longer_than_usual_is_stuck(application: Client) -> None:
    queue = f"videos-{uuid.uuid4()}"
    service = service_with(application, stuck_after="10ms", stuck_factor=3)
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS):
        for number in range(3):
            handle = await application.start_workflow(Wait.run, id=f"usual/{number}", task_queue=queue)
            await handle.signal(Wait.end)
            await handle.result()
        await application.start_workflow(Wait.run, id="slow", task_queue=queue)
        seen = await until(lambda: opened(service), lambda seen: seen.stuck)
        assert "is usual" in seen.stuck[0].why
        patient = service_with(application, stuck_after="30m")
        assert (await opened(patient)).ok, "it is younger than the floor"
        await application.get_workflow_handle("slow").terminate()


async def test_without_a_worker_its_task_queue_is_named(application: Client) -> None:
    service, queue = service_with(application, stuck_after="100ms"), f"nobody-{uuid.uuid4()}"
    await application.start_workflow(MakeVideo.run, "cats", id="nobody", task_queue=queue)
    seen = await until(lambda: opened(service), lambda seen: seen.stuck)
    assert seen.stuck[0].why == f"no worker polls its task queue {queue}"
    await application.get_workflow_handle("nobody").terminate()


async def test_a_failure_that_is_over_is_told_from_one_that_stands(application: Client) -> None:
    credit, queue, service = Credits(), f"videos-{uuid.uuid4()}", service_with(application)
    activities: list[Any] = [credit.prepare_script, credit.render_video]
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS, activities=activities):
        handle = await application.start_workflow(MakeVideo.run, "cats", id="over/1", task_queue=queue)
        with pytest.raises(Exception, match="Workflow execution failed"):
            await handle.result()
        seen = await until(lambda: failed(service), lambda seen: seen.total)
        assert seen.types[0].failed_for_good
        credit.left = True
        await application.execute_workflow(MakeVideo.run, "dogs", id="over/2", task_queue=queue)
        seen = await until(lambda: failed(service), lambda seen: seen.types[0].completed_at)
        assert not seen.types[0].failed_for_good


async def test_starts_far_above_the_usual_number_name_the_workflow_that_loops(application: Client) -> None:
    queue = f"videos-{uuid.uuid4()}"
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS):
        for number in range(6):
            handle = await application.start_workflow(Wait.run, id=f"loop/{number % 2}", task_queue=queue)
            await handle.signal(Wait.end)
            await handle.result()
    calm = service_with(application, starts_window="1h", starts_floor=5)
    seen = await until(lambda: started(calm), lambda seen: any(one.starts >= 6 for one in seen.types))
    assert seen.ok, "without a day before, nobody knows what is usual"
    began = datetime.now(UTC)  # what was started so far is what is usual
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS):
        for _ in range(6):
            handle = await application.start_workflow(Wait.run, id="loop/again", task_queue=queue)
            await handle.signal(Wait.end)
            await handle.result()

    def since_then() -> Service:
        window = datetime.now(UTC) - began
        return service_with(application, starts_window=window, starts_floor=5, starts_factor=2)

    seen = await until(lambda: started(since_then()), lambda seen: seen.frequent)
    (loop,) = seen.frequent
    assert (seen.bad, loop.type, loop.workflow_id, loop.runs >= 5) == (True, "Wait", "loop/again", True)
    assert "runs of loop/again" in seen.reason


async def test_what_is_started_as_often_at_this_time_of_each_day_is_usual(application: Client) -> None:
    batch = service_with(application, starts_window="3s", starts_before="9s", starts_floor=5, starts_factor=2)
    for turn in range(2):
        if turn:
            await asyncio.sleep(8.2)  # the day of this test
        for _ in range(6):
            one = await application.start_workflow("Batch", id=f"batch/{turn}", task_queue="nobody")
            await one.terminate()
    seen = await until(
        lambda: started(batch), lambda seen: [one for one in seen.types if one.workflow_id == "batch/1"]
    )
    (today,) = (one for one in seen.types if one.type == "Batch")
    assert (today.usual, today.too_many) == (6, False)


async def test_a_type_that_nobody_started_in_the_day_before_may_still_be_too_frequent(
    application: Client,
) -> None:
    queue = f"videos-{uuid.uuid4()}"
    service = service_with(application, starts_window="1500ms", starts_floor=5)
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS):
        handle = await application.start_workflow(Wait.run, id="before", task_queue=queue)
        await handle.signal(Wait.end)
        await asyncio.sleep(2)
        for _ in range(6):
            again = await application.start_workflow("Quick", id="quick", task_queue="nobody")
            await again.terminate()
    seen = await until(lambda: started(service), lambda seen: seen.types)
    assert [(one.type, one.usual) for one in seen.frequent] == [("Quick", 0)]


async def test_the_schedule_that_starts_them_is_known(application: Client) -> None:
    """By a search attribute that the server sets."""
    queue = f"videos-{uuid.uuid4()}"
    keep_trying = ScheduleActionStartWorkflow(KeepTrying.run, id="scheduled", task_queue=queue)
    schedule = await application.create_schedule(
        "hourly-videos", Schedule(action=keep_trying, spec=ScheduleSpec()), trigger_immediately=True
    )
    credit = Credits()
    activities: list[Any] = [credit.prepare_script, credit.render_video]
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS, activities=activities):
        service = service_with(application, stuck_attempts=3)
        seen = await until(
            lambda: opened(service), lambda seen: [one for one in seen.stuck if one.type == "KeepTrying"]
        )
        assert {one.schedule for one in seen.stuck if one.type == "KeepTrying"} == {"hourly-videos"}
        kinds = {one.type: one.schedule for one in (await started(service)).types}
        assert kinds["KeepTrying"] == "hourly-videos"
        assert kinds.get("Wait", "") == ""
        credit.left = True
        for stuck in seen.stuck:
            await application.get_workflow_handle(stuck.workflow_id).terminate()
    await schedule.delete()


async def test_away_hung_or_not_configured_is_unknown_in_bounded_time(application: Client) -> None:
    away = service_with(application, address=f"127.0.0.1:{closed_port()}")
    assert (await opened(away)).unknown
    assert (await started(away)).unknown
    nowhere = away.model_copy(update={"temporal": None})
    assert "no Temporal is configured" in (await opened(nowhere)).reason
    assert "no Temporal is configured" in (await started(nowhere)).reason
    async with listening(silence) as port:
        hung = OpenExecutions(
            service=service_with(application, address=f"127.0.0.1:{port}"), within=timedelta(milliseconds=300)
        )
        looking = ActivityEnvironment().run(OpenExecutionActivities().open_executions, hung)
        assert (await asyncio.wait_for(looking, timeout=5)).unknown
