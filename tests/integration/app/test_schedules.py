"""The schedules of the application's own Temporal, a real one: looked at, paused, unpaused and triggered."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleIntervalSpec,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.schedules.actions import ScheduleActionActivities
from activities.schedules.schedules import LookAtSchedules, ScheduleActivities
from activities.schedules.seen import ScheduleSeen, SchedulesSeen
from models.actions.application import PauseSchedule, TriggerSchedule, UnpauseSchedule
from models.actions.change import ActionResult, Perform
from models.service.service import DockerManager, Service
from models.service.surroundings import AppTemporal
from tests.parts.servers.sockets import closed_port, listening, silence

QUEUE = "app"
HOURLY = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])


@activity.defn
async def ask_the_shop(says: str) -> None:
    """Fails as it is told; a shop that limits us is asked again."""
    if says:
        raise ApplicationError(says, non_retryable="again" not in says)


@workflow.defn
class ControlLoop:
    """The application's loop: it does as it is told."""

    @workflow.run
    async def run(self, says: str) -> None:
        if says == "hang":
            await workflow.wait_condition(lambda: False)
        await workflow.execute_activity(
            ask_the_shop,
            says,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)),
        )


@pytest.fixture(scope="module")
async def client(application: Client) -> AsyncIterator[Client]:
    async with Worker(application, task_queue=QUEUE, workflows=[ControlLoop], activities=[ask_the_shop]):
        yield application


Made = Callable[..., Any]


@pytest.fixture
async def made(client: Client) -> AsyncIterator[Made]:
    """Makes a schedule; it is deleted at the end."""
    handles: list[ScheduleHandle] = []

    async def make(says: str = "", spec: ScheduleSpec = HOURLY, **more: Any) -> ScheduleHandle:
        name = f"daily-control-loop-{uuid.uuid4().hex[:8]}"
        action = ScheduleActionStartWorkflow(ControlLoop.run, says, id=f"loop-{name}", task_queue=QUEUE)
        handle = await client.create_schedule(name, Schedule(action=action, spec=spec, **more))
        handles.append(handle)
        return handle

    yield make
    for handle in handles:
        await handle.delete()


def backend(**more: Any) -> Service:
    return Service(name="backend", manager=DockerManager(container="web"), **more)


def service(client: Client, *names: str, **more: Any) -> Service:
    address = client.service_client.config.target_host
    temporal = AppTemporal(address=address, schedules=names, ui="http://localhost:8233", **more)
    return backend(temporal=temporal)


async def look(service: Service) -> SchedulesSeen:
    seen = await ActivityEnvironment().run(
        ScheduleActivities().look_at_schedules, LookAtSchedules(service=service)
    )
    assert isinstance(seen, SchedulesSeen)
    return seen


async def look_at(client: Client, handle: ScheduleHandle, **more: Any) -> ScheduleSeen:
    (one,) = (await look(service(client, handle.id, **more))).schedules
    return one


async def until(client: Client, handle: ScheduleHandle, so: Callable[[ScheduleSeen], bool]) -> ScheduleSeen:
    async with asyncio.timeout(40):
        while not so(seen := await look_at(client, handle)):  # noqa: ASYNC110 - it runs elsewhere
            await asyncio.sleep(0.1)
    return seen


async def perform(act: Any, action: Any) -> ActionResult:
    request: Perform[Any] = Perform(action=action, asked_at=datetime.now(UTC))
    result = await ActivityEnvironment().run(act, request)
    assert isinstance(result, ActionResult)
    return result


ACTIONS = ScheduleActionActivities()


async def test_one_that_waits_for_its_next_run_is_fine(client: Client, made: Made) -> None:
    handle = await made()
    seen = await look(service(client, handle.id))
    assert seen.ok
    (one,) = seen.schedules
    assert one.next_at is not None
    assert datetime.now(UTC) < one.next_at < datetime.now(UTC) + timedelta(hours=1, minutes=1)
    assert (one.started, one.runs, one.last_at) == (0, (), None)
    assert "it has not run yet" in seen.reason


async def test_who_paused_it_when_and_why(client: Client, made: Made) -> None:
    handle = await made()
    await handle.pause(note="the marketplace moves, ask lena; token=s3cr3t-s3cr3t")
    seen = await look(service(client, handle.id))
    assert seen.bad
    (one,) = seen.paused
    assert one.paused_by == client.service_client.config.identity
    assert one.paused_at is not None
    assert abs(datetime.now(UTC) - one.paused_at) < timedelta(seconds=30)
    assert one.on_purpose == "its note gives a reason"
    assert "ask lena" in seen.reason
    assert "s3cr3t" not in seen.model_dump_json()


async def test_a_pause_without_a_reason_is_meant_only_while_it_is_recent(client: Client, made: Made) -> None:
    handle = await made()
    await handle.pause()
    assert (await look_at(client, handle)).on_purpose == "it was paused less than 1 h ago"
    forgotten = await look_at(client, handle, paused_recently=timedelta(milliseconds=1))
    assert (forgotten.paused, forgotten.on_purpose) == (True, "")


@pytest.mark.parametrize(
    ("note", "is_a_reason"),
    [
        ("Paused by lena until the contract is signed", True),
        ("paused in favour of the new loop", True),
        ("Paused from Monday on: ask finance", True),
        ("Paused via Go SDK", False),
        ("Paused via the web UI", False),
        ("(no reason provided)", False),
    ],
)
async def test_who_paused_it_and_until_when_is_a_reason_and_what_a_client_writes_is_none(
    client: Client, made: Made, note: str, is_a_reason: bool
) -> None:
    handle = await made(state=ScheduleState(paused=True, note=note))
    one = await look_at(client, handle)
    assert one.paused
    assert (one.on_purpose == "its note gives a reason") is is_a_reason


async def test_a_run_that_somebody_ended_tells_who_and_why(client: Client, made: Made) -> None:
    handle = await made("429 Too Many Requests, try again")
    await handle.trigger()
    one = await until(client, handle, lambda seen: bool(seen.newest and seen.newest.running))
    assert one.newest is not None
    await client.get_workflow_handle(one.newest.workflow_id).terminate(reason="wrong prices, ask lena")
    one = await until(client, handle, lambda seen: bool(seen.newest and not seen.newest.running))
    assert one.newest is not None
    identity = client.service_client.config.identity
    assert one.newest.error == f"by {identity}: wrong prices, ask lena"


async def test_paused_by_an_edit_of_the_schedule(client: Client, made: Made) -> None:
    handle = await made()

    def pause(before: ScheduleUpdateInput) -> ScheduleUpdate:
        before.description.schedule.state = ScheduleState(paused=True, note="Paused")
        return ScheduleUpdate(schedule=before.description.schedule)

    await handle.update(pause)
    one = await look_at(client, handle)
    assert one.paused_by == client.service_client.config.identity
    assert one.on_purpose == "it was paused less than 1 h ago"


async def test_paused_by_the_server_after_a_failure_is_nobodys_intention(client: Client, made: Made) -> None:
    handle = await made("Amazon answered 429", policy=SchedulePolicy(pause_on_failure=True))
    await handle.trigger()
    one = await until(client, handle, lambda seen: seen.paused)
    assert one.note.startswith("paused due to workflow failure")
    assert one.on_purpose == ""


async def test_the_error_that_ended_its_newest_run(client: Client, made: Made) -> None:
    handle = await made("UnrecognizedClient: it has expired")
    await handle.trigger()
    await until(client, handle, lambda seen: bool(seen.newest and seen.newest.failed))
    seen = await look(service(client, handle.id))
    assert seen.bad
    (one,) = seen.schedules
    assert one.newest is not None
    assert "activity ask_the_shop: UnrecognizedClient: it has expired" in one.newest.error
    assert one.newest.link.startswith("http://localhost:8233/namespaces/default/workflows/loop-")


async def test_a_run_whose_activity_is_tried_again_tells_why(client: Client, made: Made) -> None:
    handle = await made("429 Too Many Requests, try again")
    await handle.trigger()
    one = await until(client, handle, lambda seen: bool(seen.newest and seen.newest.attempts > 2))
    assert one.newest is not None
    assert one.newest.running
    assert "429 Too Many Requests" in one.newest.error
    stuck = await look(service(client, handle.id, run_takes=timedelta(milliseconds=1)))
    at_work = await look(service(client, handle.id))
    assert (stuck.bad, at_work.ok) == (True, True)
    await client.get_workflow_handle(one.newest.workflow_id).terminate()


async def test_one_whose_time_is_over_has_no_further_run(client: Client, made: Made) -> None:
    gone = datetime.now(UTC) - timedelta(days=1)
    handle = await made(spec=ScheduleSpec(intervals=HOURLY.intervals, end_at=gone))
    seen = await look(service(client, handle.id))
    assert seen.bad
    assert "has no further run" in seen.reason
    often = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=1))])
    limited = await made(spec=often, state=ScheduleState(limited_actions=True, remaining_actions=1))
    await until(client, limited, lambda seen: seen.ended)


async def test_one_that_is_not_there_names_those_that_are(client: Client, made: Made) -> None:
    handle = await made()
    async with asyncio.timeout(40):
        while handle.id not in (seen := await look(service(client, "nightly"))).reason:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert seen.unknown
    assert seen.reason.startswith("there is no schedule nightly (there are ")


async def test_a_temporal_that_cannot_be_asked_is_unknown(client: Client) -> None:
    away = backend(temporal=AppTemporal(address=f"127.0.0.1:{closed_port()}", schedules=("x",)))
    assert (await look(away)).unknown
    assert "temporal.schedules" in (await look(backend())).reason
    async with listening(silence) as port:
        slow = AppTemporal(address=f"127.0.0.1:{port}", schedules=("x",))
        request = LookAtSchedules(service=backend(temporal=slow), within=timedelta(milliseconds=300))
        seen = await ActivityEnvironment().run(ScheduleActivities().look_at_schedules, request)
    assert seen.unknown
    assert "no answer within" in seen.reason


async def test_unpausing_is_safe_to_repeat_and_heeds_a_new_pause(client: Client, made: Made) -> None:
    handle = await made()
    await handle.pause(note="maintenance")
    its = service(client, handle.id)
    unpause = UnpauseSchedule(service=its, schedule=handle.id, note="an older pause")
    refused = await perform(ACTIONS.unpause_schedule, unpause)
    assert not refused.done
    assert "paused anew meanwhile, with the note: maintenance" in refused.found
    unpause = UnpauseSchedule(service=its, schedule=handle.id, note="maintenance")
    assert (await perform(ACTIONS.unpause_schedule, unpause)).done
    assert not (await handle.describe()).schedule.state.paused
    again = await perform(ACTIONS.unpause_schedule, unpause)
    assert again.done
    assert "not paused any more" in again.found


async def test_unpausing_starts_nothing_that_was_missed(client: Client, made: Made) -> None:
    often = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=1))])
    handle = await made(spec=often, state=ScheduleState(paused=True, note="Paused"))
    missed_until = datetime.now(UTC) + timedelta(seconds=3)
    async with asyncio.timeout(40):
        while datetime.now(UTC) < missed_until:  # noqa: ASYNC110 - its times pass
            await asyncio.sleep(0.1)
    unpause = UnpauseSchedule(service=service(client, handle.id), schedule=handle.id, note="Paused")
    assert (await perform(ACTIONS.unpause_schedule, unpause)).done
    await until(client, handle, lambda seen: seen.started > 0)
    began = [one.scheduled_at for one in (await handle.describe()).info.recent_actions]
    assert min(began) >= missed_until - timedelta(seconds=1), "none of the three before"


async def test_pausing_says_at_which_interval_it_would_start(client: Client, made: Made) -> None:
    hourly, ten = (
        ScheduleIntervalSpec(every=timedelta(hours=1)),
        ScheduleIntervalSpec(every=timedelta(minutes=10)),
    )
    for spec, told in (
        (ScheduleSpec(intervals=[ten]), "; its interval is 10 min"),
        (ScheduleSpec(intervals=[ten, hourly]), ""),
    ):
        handle = await made(spec=spec)
        pause = PauseSchedule(
            service=service(client, handle.id), schedule=handle.id, because="costs run away"
        )
        assert (await perform(ACTIONS.pause_schedule, pause)).found == f"{handle.id} is paused{told}"


async def test_pausing_says_why_and_leaves_anothers_pause_alone(client: Client, made: Made) -> None:
    handle = await made()
    pause = PauseSchedule(service=service(client, handle.id), schedule=handle.id, because="costs run away")
    assert (await perform(ACTIONS.pause_schedule, pause)).done
    seen = await look_at(client, handle)
    assert seen.note == "runbooks: costs run away"
    assert seen.on_purpose == "another incident paused it"
    await handle.pause(note="lena")
    assert "with the note: lena" in (await perform(ACTIONS.pause_schedule, pause)).found
    assert (await look_at(client, handle)).note == "lena"


async def test_triggering_starts_one_run_however_often_it_is_asked(client: Client, made: Made) -> None:
    handle = await made()
    trigger = TriggerSchedule(service=service(client, handle.id), schedule=handle.id, started=0)
    first, second = [await perform(ACTIONS.trigger_schedule, trigger) for _ in range(2)]
    assert first.done
    assert second.done
    assert (await until(client, handle, lambda seen: seen.started > 0)).started == 1


async def test_a_run_that_goes_on_is_not_doubled(client: Client, made: Made) -> None:
    handle = await made("hang")
    await handle.trigger()
    one = await until(client, handle, lambda seen: bool(seen.newest and seen.newest.running))
    trigger = TriggerSchedule(service=service(client, handle.id), schedule=handle.id, started=one.started)
    done = await perform(ACTIONS.trigger_schedule, trigger)
    assert done.done
    assert "runs: loop-" in done.found
    assert (await look_at(client, handle)).started == 1
    assert one.newest is not None
    await client.get_workflow_handle(one.newest.workflow_id).terminate()


async def test_only_configured_schedules_are_touched(client: Client, made: Made) -> None:
    handle = await made()
    pause = PauseSchedule(service=service(client, "another"), schedule=handle.id, because="costs")
    with pytest.raises(ApplicationError, match="is not a schedule in") as refused:
        await perform(ACTIONS.pause_schedule, pause)
    assert refused.value.type == "Unsupported"
    gone = PauseSchedule(service=service(client, "nightly"), schedule="nightly", because="costs")
    with pytest.raises(ApplicationError) as refused:
        await perform(ACTIONS.pause_schedule, gone)
    assert not (await look_at(client, handle)).paused
    nowhere = AppTemporal(address=f"127.0.0.1:{closed_port()}", schedules=("x",))
    away = PauseSchedule(service=backend(temporal=nowhere), schedule="x", because="costs")
    with pytest.raises(ApplicationError) as refused:
        await perform(ACTIONS.pause_schedule, away)
    assert refused.value.type == "Unreachable"
