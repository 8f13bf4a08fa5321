"""The application's own Temporal, a real one, with workflows that really failed."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.app.executions import AppTemporalActivities, ExecutionsSeen, FailedExecutions
from models.evidence.evidence import Finding
from models.service.service import DockerManager, Service
from models.service.surroundings import AppTemporal
from tests.parts.servers.sockets import closed_port, listening, silence


@workflow.defn
class GenerateVideos:
    """A workflow of the application that fails, or not, as it is told."""

    @workflow.run
    async def run(self, fails: bool) -> None:
        if fails:
            raise ApplicationError("out of credits, api_key=sk-0123456789abcdef")


@workflow.defn
class SyncProducts:
    """Another one, which nobody works on, so that it times out."""

    @workflow.run
    async def run(self) -> None:
        return


async def look(temporal: AppTemporal, within: timedelta = timedelta(seconds=5)) -> ExecutionsSeen:
    service = Service(name="backend", manager=DockerManager(container="backend"), temporal=temporal)
    request = FailedExecutions(service=service, within=within)
    seen = await ActivityEnvironment().run(AppTemporalActivities().failed_executions, request)
    assert seen.observed_at is not None
    return seen


async def test_failed_workflows_are_counted_by_type_with_links(application: Client) -> None:
    address = application.service_client.config.target_host
    temporal = AppTemporal(address=address, ui="http://localhost:8233/")
    assert (await look(temporal)).reason == "no workflow failed in the last 30 min"

    queue = f"app-{uuid.uuid4()}"
    async with Worker(application, task_queue=queue, workflows=[GenerateVideos]):
        await application.execute_workflow(GenerateVideos.run, False, id="fine/1", task_queue=queue)
        for number in range(3):
            with pytest.raises(WorkflowFailureError):
                await application.execute_workflow(
                    GenerateVideos.run, True, id=f"videos/{number}", task_queue=queue
                )
    with pytest.raises(WorkflowFailureError):
        await application.execute_workflow(
            SyncProducts.run, id="sync", task_queue="nobody", execution_timeout=timedelta(seconds=1)
        )

    async with asyncio.timeout(60):
        while (seen := await look(temporal)).total < 4:  # noqa: ASYNC110 - visibility is eventual
            await asyncio.sleep(0.1)
    assert (seen.finding, seen.total) == (Finding.BAD, 4)
    assert [(one.type, one.count) for one in seen.types] == [("GenerateVideos", 3), ("SyncProducts", 1)]
    told, newest = seen.reason.split("; the newest: ")
    newest_error, newest_link = newest.split(": http")
    newest_link = f"http{newest_link}"
    assert newest_error == "the workflow as a whole took too long"
    assert told == "4 workflows failed in the last 30 min: GenerateVideos (3), SyncProducts (1)"
    assert newest_link in {one.link for one in seen.types}
    first = seen.types[0]
    assert (first.workflow_id, first.error) == (
        "videos/2",
        "out of credits, api_key=[redacted]",
    )
    assert first.failed_for_good
    assert first.link.startswith("http://localhost:8233/namespaces/default/workflows/videos%2F2/")
    assert seen.link.startswith("http://localhost:8233/namespaces/default/workflows?query=ExecutionStatus")
    assert (await look(temporal.model_copy(update={"window": timedelta()}))).ok, "that was before the window"
    assert (await look(temporal.model_copy(update={"ui": ""}))).types[0].link == ""


async def test_no_such_namespace_is_unknown(application: Client) -> None:
    address = application.service_client.config.target_host
    seen = await look(AppTemporal(address=address, namespace="no-such-namespace"))
    assert seen.unknown
    assert "no-such-namespace" in seen.reason


async def test_away_or_hung_is_unknown_in_bounded_time() -> None:
    away = await look(AppTemporal(address=f"127.0.0.1:{closed_port()}"))
    assert away.unknown
    async with listening(silence) as port:
        briefly = timedelta(milliseconds=500)
        hung = await asyncio.wait_for(look(AppTemporal(address=f"127.0.0.1:{port}"), briefly), timeout=5)
    assert hung.unknown
    assert hung.reason == f"no answer within 0.5 s from Temporal at 127.0.0.1:{port}"
