"""`serve --with-worker`: the intake and a full worker in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pytest_httpserver import HTTPServer
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus

from tests.parts.product.intake import (
    Intake,
    TemporalServer,
    alert,
    environment,
    intake_process,
    until,
    webhook,
)
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

INCIDENT = "ServiceDown/backend"
TASK_STARTED = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED


@pytest.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[TemporalServer]:
    server = TemporalServer(tmp_path)
    yield server
    await server.kill()


@pytest.fixture
def config(tmp_path: Path, httpserver: HTTPServer, start_supervisord: StartSupervisord) -> Path:
    """One service that is well."""
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    supervisord = start_supervisord(backend=SLEEPS)
    manager = {"kind": "supervisord", "program": "backend", "socket": str(supervisord.socket)}
    backend = {"manager": manager, "health": {"url": httpserver.url_for("/health")}}
    content = {
        "services": {"backend": backend},
        "alerts": {"ServiceDown": {}},
        "directories": {"state": str(tmp_path / "state"), "reviews": str(tmp_path / "reviews")},
    }
    path = tmp_path / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


async def readiness(intake: Intake) -> httpx.Response:
    async with httpx.AsyncClient(base_url=intake.url, timeout=30) as http:
        return await http.get("/readyz")


async def until_ready(intake: Intake) -> dict[str, Any]:
    """The check of the worker, once the process is ready."""

    async def ready() -> httpx.Response | None:
        answer = await readiness(intake)
        return answer if answer.status_code == 200 else None

    answer: httpx.Response = await until(ready, within=30)
    return next(one for one in answer.json()["checks"] if one["name"] == "worker")


async def post(intake: Intake, service: str = "backend") -> int:
    async with httpx.AsyncClient(base_url=intake.url, timeout=30) as http:
        answer = await http.post("/v1/alertmanager", json=webhook(alert(labels={"service": service})))
    return answer.status_code


async def history(client: Client) -> list[HistoryEvent]:
    return list((await client.get_workflow_handle(INCIDENT).fetch_history()).events)


async def test_the_first_task_comes_with_the_start_and_the_incident_is_worked_to_its_end(
    temporal: TemporalServer, config: Path
) -> None:
    client = await temporal.start()
    async with intake_process(config, environment(temporal.address), "--with-worker") as intake:
        assert (await until_ready(intake))["ok"]
        assert await post(intake) == 200
        await client.get_workflow_handle(INCIDENT).result()
    events = await history(client)
    assert events[0].workflow_execution_started_event_attributes.eager_execution_accepted
    first = next(one for one in events if one.event_type == TASK_STARTED)
    assert first.workflow_task_started_event_attributes.identity.split("@")[0] == str(intake.process.pid)
    described = await client.get_workflow_handle(INCIDENT).describe()
    assert described.status is WorkflowExecutionStatus.COMPLETED


async def test_it_serves_before_temporal_does_and_is_ready_once_its_worker_runs(
    temporal: TemporalServer, config: Path
) -> None:
    async with intake_process(config, environment(temporal.address), "--with-worker") as intake:
        assert await post(intake) == 503
        answer = await readiness(intake)
        worker = next(one for one in answer.json()["checks"] if one["name"] == "worker")
        assert (answer.status_code, worker["ok"]) == (503, False)
        assert "Temporal does not answer" in worker["problem"]
        await temporal.start()
        await until_ready(intake)
        assert await post(intake) == 200
        assert sum("is not running" in line for line in intake.log) == 1


async def test_sigterm_drains_the_intake_and_then_the_worker(temporal: TemporalServer, config: Path) -> None:
    await temporal.start()
    async with intake_process(config, environment(temporal.address), "--with-worker") as intake:
        await until_ready(intake)
        intake.process.terminate()
        assert await asyncio.wait_for(intake.process.wait(), 30) == 0
        await until(lambda: _said(intake, "worker drained"))


async def _said(intake: Intake, words: str) -> bool:
    return any(words in line for line in intake.log)
