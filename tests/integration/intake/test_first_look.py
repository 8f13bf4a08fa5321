"""The intake looks first where it sees, and only there. No worker runs in these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml
from pytest_httpserver import HTTPServer
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from tests.parts.product.door import (
    Intake,
    TemporalServer,
    alert,
    environment,
    intake_process,
    until,
    webhook,
)
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

TASK_DONE = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
LOOK_TAKEN = EventType.EVENT_TYPE_MARKER_RECORDED
TASK_BEGAN = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED


@pytest.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[TemporalServer]:
    server = TemporalServer(tmp_path)
    yield server
    await server.kill()


@pytest.fixture
def config(tmp_path: Path, httpserver: HTTPServer, start_supervisord: StartSupervisord) -> Path:
    """One service that is seen from here, one whose manager is not, and one that needs the latter."""
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    supervisord = start_supervisord(backend=SLEEPS)
    seen = {"kind": "supervisord", "program": "backend", "socket": str(supervisord.socket)}
    health = {"url": httpserver.url_for("/health")}
    services = {
        "backend": {"manager": seen, "health": health},
        "elsewhere": {"manager": {**seen, "socket": "/nonexistent/supervisor.sock"}},
        "needy": {"manager": seen, "health": health, "depends_on": ["elsewhere"]},
    }
    path = tmp_path / "runbooks.yaml"
    path.write_text(yaml.safe_dump({"services": services, "alerts": {"ServiceDown": {}}}))
    return path


async def until_it_looks(intake: Intake) -> httpx.Response:
    """The answer of `/readyz` once the intake has looked around and has its worker."""

    async def looked() -> httpx.Response | None:
        async with httpx.AsyncClient(base_url=intake.url) as http:
            answer = await http.get("/readyz")
        return answer if "supervisor" in answer.text else None

    answer: httpx.Response = await until(looked, within=20)
    return answer


async def post(intake: Intake, service: str) -> int:
    async with httpx.AsyncClient(base_url=intake.url, timeout=30) as http:
        answer = await http.post("/v1/alertmanager", json=webhook(alert(labels={"service": service})))
    return answer.status_code


async def history(client: Client, service: str) -> list[HistoryEvent]:
    found = await client.get_workflow_handle(f"ServiceDown/{service}").fetch_history()
    return list(found.events)


async def test_what_it_sees_it_looks_at_first_and_the_rest_is_the_workers(
    temporal: TemporalServer, config: Path, httpserver: HTTPServer
) -> None:
    client = await temporal.start()
    async with intake_process(config, environment(temporal.address)) as intake:
        await until_it_looks(intake)
        before = len(httpserver.log)
        assert await post(intake, "backend") == 200

        async def looked() -> list[HistoryEvent] | None:
            events = await history(client, "backend")
            return events if any(event.event_type == TASK_DONE for event in events) else None

        events: list[HistoryEvent] = await until(looked)
        done = [e for e in events if e.event_type == TASK_DONE]
        assert [e.workflow_task_completed_event_attributes.identity.split("@")[0] for e in done] == [
            str(intake.process.pid)
        ]
        assert sum(e.event_type == LOOK_TAKEN for e in events) > 1
        assert len(httpserver.log) == before + 1  # the probe begun with the alert is the incident's own
        await client.get_workflow_handle("ServiceDown/backend").signal("note")
        assert sum(e.event_type == TASK_BEGAN for e in await history(client, "backend")) == 1


@pytest.mark.parametrize("service", ["elsewhere", "needy"])
async def test_what_it_does_not_see_is_left_to_the_workers(
    temporal: TemporalServer, config: Path, service: str
) -> None:
    client = await temporal.start()
    async with intake_process(config, environment(temporal.address)) as intake:
        ready = await until_it_looks(intake)
        assert ready.status_code == 200
        check = next(one for one in ready.json()["checks"] if one["name"] == "first looks")
        assert not check["ok"]
        assert check["problem"].startswith("elsewhere: ")
        assert await post(intake, service) == 200
        assert not any(e.event_type == TASK_BEGAN for e in await history(client, service))


async def test_it_serves_before_temporal_does_and_looks_once_it_can(
    temporal: TemporalServer, config: Path
) -> None:
    async with intake_process(config, environment(temporal.address)) as intake:
        assert await post(intake, "backend") == 503
        assert await post(intake, "backend") == 503
        client = await temporal.start()
        await until_it_looks(intake)
        assert await post(intake, "backend") == 200

        async def looked() -> bool:
            return any(event.event_type == TASK_DONE for event in await history(client, "backend"))

        await until(looked)
        assert sum("left to the workers" in line for line in intake.log) == 1
