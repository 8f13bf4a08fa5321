"""A worker with new code that does not replay what is open: it stays out, or starts and somebody is told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.worker import Worker

from models.incident.alert import Alert
from models.names import TASK_QUEUE
from runtime.alive.open_runs import unfit_runs
from tests.parts.product.commands import Ended, ended
from tests.parts.product.intake import ROOT, TemporalServer, environment, until
from workflows.runbooks.any_alert import AnyAlert

REFUSED = 4
INCIDENT = "DiskFull/backend"


@workflow.defn(name="AnyAlert", sandboxed=False)
class OldCode:
    """As it was before: it waited, where today's looks."""

    @workflow.run
    async def run(self, alert: Alert) -> None:
        await workflow.sleep(timedelta(days=1))

    @workflow.signal
    def alert_changed(self, alert: Alert) -> None:
        """Heard, and nothing is done."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TemporalServer]:
    made = TemporalServer(tmp_path)
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
def variables(server: TemporalServer, tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "runbooks.yaml"
    config.write_text(
        "services: {backend: {manager: {kind: docker, container: no-such-container-of-ours}}}\n"
        f"directories: {{state: {tmp_path}, reviews: {tmp_path / 'reviews'}}}\n"
    )
    return environment(server.address, RUNBOOKS_CONFIG=str(config))


def old_worker(client: Client) -> Worker:
    return Worker(client, task_queue=TASK_QUEUE, workflows=[OldCode])


async def an_open_incident(client: Client) -> str:
    """It waits in the old code; returns its run's ID."""
    alert = Alert(
        name="DiskFull",
        service="backend",
        starts_at=datetime.now(UTC),
        labels={"alertname": "DiskFull", "service": "backend"},
    )
    handle = await client.start_workflow("AnyAlert", alert, id=INCIDENT, task_queue=TASK_QUEUE)

    async def waits() -> bool:
        return (await handle.describe()).history_length > 4

    await until(waits, within=20)
    return str(handle.result_run_id)


async def listed(client: Client) -> bool:
    return bool((await client.count_workflows("ExecutionStatus = 'Running'")).count)


async def test_beside_others_it_is_refused_with_the_run_and_the_cure(
    server: TemporalServer, variables: dict[str, str]
) -> None:
    client = await server.client()
    async with old_worker(client):
        run_id = await an_open_incident(client)
        await until(lambda: listed(client), within=20)
        refused: Ended = await ended("worker.py", variables=variables)
        still = await client.get_workflow_handle(INCIDENT).describe()
    assert refused.code == REFUSED
    said = refused.err.splitlines()[-1]
    for part in (INCIDENT, run_id, "Other workers go on", "workflow.patched", "Keep the previous version"):
        assert part in said
    assert still.status is WorkflowExecutionStatus.RUNNING
    assert still.raw_description.pending_workflow_task.attempt == 0, "nothing failed"


async def test_alone_it_starts_and_a_person_is_called_at_once(
    server: TemporalServer, variables: dict[str, str]
) -> None:
    client = await server.client()
    async with old_worker(client):
        await an_open_incident(client)
        await until(lambda: listed(client), within=20)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "worker.py", cwd=ROOT, env=variables, stderr=asyncio.subprocess.DEVNULL
    )

    async def called() -> bool:
        try:
            seen = await client.get_workflow_handle("WorkflowStuck/backend").describe()
        except RPCError:
            return False
        return seen.status is WorkflowExecutionStatus.RUNNING

    try:
        await until(called, within=30)
    finally:
        process.terminate()
        async with asyncio.timeout(40):
            await process.wait()


async def test_what_fits_and_what_is_of_no_known_type_stops_no_worker(server: TemporalServer) -> None:
    client = await server.client()
    async with old_worker(client):
        await an_open_incident(client)
        await client.start_workflow("SomethingElse", id="else", task_queue=TASK_QUEUE)
        await until(lambda: listed(client), within=20)
        assert await unfit_runs(client, (OldCode,)) == []
        (unfit,) = await unfit_runs(client, (AnyAlert,))
    assert (unfit.run.id, unfit.run.service) == (INCIDENT, "backend")
