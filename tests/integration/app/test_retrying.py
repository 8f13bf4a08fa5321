"""A failed workflow of the application is tried again, once, on a real Temporal."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.app.retry_proposal import ProposeRetry, RetryProposal, RetryProposalActivities
from activities.app.retrying import RetryActivities
from models.actions.change import ActionResult, Perform
from models.actions.executions import RetryWorkflow
from models.service.service import Service
from tests.integration.app.videos import WORKFLOWS, Credits, MakeAllVideos, MakeVideo, service_with
from tests.parts.servers.sockets import closed_port


@asynccontextmanager
async def working(client: Client, credit: Credits) -> AsyncIterator[str]:
    """A worker of the application; its task queue."""
    queue = f"videos-{uuid.uuid4()}"
    activities: list[Any] = [credit.prepare_script, credit.render_video]
    async with Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=activities):
        yield queue


async def failed(handle: WorkflowHandle[Any, Any]) -> str:
    """Wait until it has failed; its run."""
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    return (await handle.describe()).run_id


async def propose(service: Service, workflow_id: str, run_id: str) -> RetryProposal:
    asked = ProposeRetry(service=service, workflow_id=workflow_id, run_id=run_id)
    return await ActivityEnvironment().run(RetryProposalActivities().propose_retry, asked)


def action_of(service: Service, proposal: RetryProposal) -> RetryWorkflow:
    assert proposal.ok, proposal.reason
    return RetryWorkflow(service=service, **proposal.what)


def by_hand(service: Service, workflow_id: str, run_id: str) -> RetryWorkflow:
    """An order that no look proposed."""
    at = datetime.now(UTC)
    return RetryWorkflow(
        service=service,
        type="MakeVideo",
        workflow_id=workflow_id,
        run_id=run_id,
        closed_at=at,
        error="",
        reset_to=4,
    )


async def perform(action: RetryWorkflow) -> ActionResult:
    request: Perform[RetryWorkflow] = Perform(action=action, asked_at=datetime.now(UTC))
    activities = RetryActivities(timedelta(seconds=3))
    return await ActivityEnvironment().run(activities.retry_workflow, request)


async def test_it_goes_on_before_the_activity_that_failed_and_no_further_back(application: Client) -> None:
    credit, service = Credits(), service_with(application)
    async with working(application, credit) as queue:
        handle = await application.start_workflow(MakeVideo.run, "cats", id="video/1", task_queue=queue)
        run_id = await failed(handle)
        proposal = await propose(service, "video/1", run_id)
        assert (proposal.before, proposal.reset_to) == ("activity render_video", 10)
        assert proposal.error.startswith(
            "activity render_video: PikaError: out of credits for a script on cats"
        )
        assert "sk-0123456789abcdef" not in proposal.model_dump_json()

        credit.left = True
        action = action_of(service, proposal)
        assert "out of credits" in action.changes
        result = await perform(action)
        assert result.done, result.found
        assert "follows it since" in result.found
        newest = application.get_workflow_handle("video/1")
        assert await newest.result() == "a video of a script on cats"
        assert credit.prepared == 1, "what succeeded before is not done again"

        again = await perform(action)
        assert again.done, "asked again after a lost answer"
        assert (await newest.describe()).run_id in again.found
        assert (await newest.describe()).status is WorkflowExecutionStatus.COMPLETED
        assert not (await propose(service, "video/1", run_id)).ok, "that run has a successor"


async def test_the_same_reset_twice_makes_one_run(application: Client) -> None:
    credit, service = Credits(), service_with(application)
    async with working(application, credit) as queue:
        handle = await application.start_workflow(MakeVideo.run, "dogs", id="video/2", task_queue=queue)
        action = action_of(service, await propose(service, "video/2", await failed(handle)))
        first = await perform(action)
        newest = application.get_workflow_handle("video/2")
        await failed(newest)
        second = await perform(action)
        assert (first.done, second.done) == (True, True)
        assert (await newest.describe()).run_id in second.found
        assert "ended as failed" in second.found


async def test_a_failed_child_is_tried_again_with_its_parent(application: Client) -> None:
    credit, service = Credits(), service_with(application)
    async with working(application, credit) as queue:
        handle = await application.start_workflow(MakeAllVideos.run, "owls", id="all/1", task_queue=queue)
        parent_run = await failed(handle)
        child = await application.get_workflow_handle("all/1/owls").describe()
        proposal = await propose(service, "all/1/owls", child.run_id)
        assert (proposal.workflow_id, proposal.run_id) == ("all/1", parent_run)
        assert proposal.before == "child workflow MakeVideo"
        assert proposal.error.startswith("child workflow MakeVideo: PikaError: out of credits")
        credit.left = True
        assert (await perform(action_of(service, proposal))).done
        assert await application.get_workflow_handle("all/1").result() == "a video of a script on owls"


async def test_what_timed_out_as_a_whole_starts_again_with_its_input(application: Client) -> None:
    credit, service, queue = Credits(), service_with(application), f"late-{uuid.uuid4()}"
    credit.left = True
    handle = await application.start_workflow(
        MakeVideo.run, "bees", id="video/3", task_queue=queue, run_timeout=timedelta(seconds=1)
    )
    action = action_of(service, await propose(service, "video/3", await failed(handle)))
    assert (action.reset_to, action.error) == (None, "the workflow as a whole took too long")
    activities: list[Any] = [credit.prepare_script, credit.render_video]
    async with Worker(application, task_queue=queue, workflows=WORKFLOWS, activities=activities):
        result = await perform(action)
        assert result.done, result.found
        assert await application.get_workflow_handle("video/3").result() == "a video of a script on bees"
        again = await perform(action)
        assert (again.done, "ended as completed" in again.found) == (True, True)


async def test_what_has_not_failed_is_left_alone(application: Client) -> None:
    credit, service = Credits(), service_with(application)
    credit.left = True
    async with working(application, credit) as queue:
        handle = await application.start_workflow(MakeVideo.run, "ants", id="video/4", task_queue=queue)
        await handle.result()
        run_id = (await handle.describe()).run_id
        proposal = await propose(service, "video/4", run_id)
        assert (proposal.unknown, proposal.reason) == (True, "video/4 ended as completed")
        action = by_hand(service, "video/4", run_id)
        result = await perform(action)
        assert (result.done, result.found) == (False, "it has not failed: it ended as completed")
        assert (await handle.describe()).run_id == run_id

        forgotten = action.model_copy(update={"workflow_id": "video/none"})
        assert "knows no workflow video/none" in (await perform(forgotten)).found


async def test_a_server_that_is_away_leaves_all_as_it_is(application: Client) -> None:
    service = service_with(application, address=f"127.0.0.1:{closed_port()}")
    proposal = await propose(service, "video/1", "1")
    assert proposal.unknown
    action = by_hand(service, "video/1", "1")
    with pytest.raises(ApplicationError, match="nothing was done: Temporal at"):
        await perform(action)
