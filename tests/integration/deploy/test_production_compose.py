"""docker-compose.yml on the real engine: from an alert to a healed container, and what it may not do."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import httpx
import psutil
import pytest
from docker.models.containers import Container
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from models.checks.check import CheckName, CheckReport, CheckRequest
from models.names import TASK_QUEUE
from tests.parts.product.intake import alert, until, webhook
from tests.parts.product.production import (
    OURS,
    ROOT,
    RULES,
    TOKEN,
    Production,
    production,
)
from tests.parts.servers.docker_engine import BINDS, PYTHON, wait_for
from tests.parts.servers.sockets import closed_port

BACKEND = """
import http.server, json, signal, sys
signal.signal(15, lambda *_: sys.exit(3))
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"status": "ok"}')
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
BACKUP = (
    'import sqlite3; sqlite3.connect("/var/lib/temporal/temporal.db")'
    '.backup(sqlite3.connect("/var/lib/temporal/backup.db"))'
)
RESTORE = "cp /backup/backup.db /var/lib/temporal/temporal.db"
SENDER = {"authorization": f"Bearer {TOKEN}"}


class Backend:
    """A service of the host that exited with code 3: what the alert is about."""

    def __init__(self, client: docker.DockerClient, image: str) -> None:
        self.port = closed_port()
        argv = [PYTHON, "-c", BACKEND, str(self.port)]
        self.container: Container = client.containers.create(image, argv, volumes=BINDS, network_mode="host")

    def crash(self) -> None:
        self.container.start()
        self.container.kill()
        wait_for(self.container, "exited")

    def configuration(self) -> dict[str, Any]:
        thresholds = {"stable_for": "2s", "source_agrees_within": "1s"}
        return {
            "services": {
                "backend": {
                    "manager": {"kind": "docker", "container": self.container.name},
                    "health": {"url": f"http://localhost:{self.port}/health", "every": "500ms"},
                    "port": self.port,
                    # The machine of a test may be short of anything.
                    "floors": {"disk_free": 0.0001, "memory_free": 0.0001},
                }
            },
            "alerts": {"ServiceDown": {"severity": "critical", "thresholds": thresholds}},
            "escalation": {"any-alert": ["on-call"]},
            "contacts": {"on-call": ["log"]},
            "broadcast": ["log"],
            "channels": {"log": {"kind": "log"}},
        }


@pytest.fixture(scope="module")
def backend(docker_client: docker.DockerClient, image: str) -> Iterator[Backend]:
    made = Backend(docker_client, image)
    yield made
    made.container.remove(force=True)


@pytest.fixture(scope="module")
async def shipped(
    docker_client: docker.DockerClient, backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Production]:
    directory = tmp_path_factory.mktemp("production")
    async with production(directory, docker_client, backend.configuration()) as running:
        yield running


async def temporal(shipped: Production) -> Client:
    async def answer() -> Client | None:
        try:
            return await Client.connect(shipped.temporal, data_converter=pydantic_data_converter)
        except (RuntimeError, RPCError):
            return None

    client: Client = await until(answer, within=20)
    return client


async def fire(shipped: Production, **changes: Any) -> httpx.Response:
    body = webhook(alert(startsAt=datetime.now(UTC).isoformat(), **changes))
    async with httpx.AsyncClient() as http:
        return await http.post(f"{shipped.intake}/v1/alertmanager", json=body, headers=SENDER, timeout=15)


async def closed(client: Client, incident: str, within: float = 60) -> WorkflowExecutionStatus:
    async def ended() -> WorkflowExecutionStatus | None:
        status = (await client.get_workflow_handle(incident).describe()).status
        return None if status is WorkflowExecutionStatus.RUNNING else status

    status: WorkflowExecutionStatus = await until(ended, within)
    return status


async def test_from_the_alert_to_the_healed_container(shipped: Production, backend: Backend) -> None:
    backend.crash()
    async with httpx.AsyncClient() as http:
        ready = await http.get(f"{shipped.intake}/readyz", timeout=15)
        unknown = await http.post(f"{shipped.intake}/v1/alertmanager", json=webhook(alert()))
    assert ready.status_code == 200, ready.text
    assert unknown.status_code == 401
    answer = await fire(shipped)
    assert answer.status_code == 200, answer.text
    status = await closed(await temporal(shipped), "ServiceDown/backend")
    assert status is WorkflowExecutionStatus.COMPLETED
    wait_for(backend.container, "running")
    found = "import pathlib; print(*pathlib.Path('/app/var/reviews').rglob('*.md'))"
    pages = await shipped.compose("exec", "-T", "worker", "python", "-c", found)
    assert ".md" in pages, "no review was written into its volume"
    listed = await shipped.compose("exec", "-T", "worker", "python", "starter.py", "list", "--json")
    assert "ServiceDown/backend" in listed
    await shipped.compose("exec", "-T", "worker", "python", "starter.py", "doctor")


async def test_the_report_of_a_check_is_read_through_the_intake(shipped: Production) -> None:
    request = CheckRequest(name=CheckName.DAILY, by="anna")
    client = await temporal(shipped)
    report: CheckReport = await client.execute_workflow(
        "DailyCheck", request, id="check/daily", task_queue=TASK_QUEUE, result_type=CheckReport
    )
    assert report.stored is not None
    page = report.stored.page.rpartition("/")[2]
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{shipped.intake}/checks/daily/{page}", headers=SENDER, timeout=15)
    assert answer.status_code == 200, answer.text
    assert "Started by anna" in answer.text


async def test_only_this_machine_can_knock(shipped: Production) -> None:
    bindings = {
        (service, binding["HostIp"])
        for service in (*OURS, RULES)
        for binds in (shipped.container(service).attrs["NetworkSettings"]["Ports"] or {}).values()
        for binding in binds or ()
    }
    assert bindings == {("temporal", "127.0.0.1"), ("intake", "127.0.0.1")}
    others = {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family is socket.AF_INET and not address.address.startswith("127.")
    }
    assert others, "this machine has no other address than loopback"
    for port in (shipped.intake_port, shipped.temporal_port, shipped.ui_port):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        for other in others:
            with pytest.raises(OSError, match=r"refused|timed out"):
                socket.create_connection((other, port), timeout=2)
    worker = psutil.Process(shipped.container("worker").attrs["State"]["Pid"])
    listening = [
        connection.laddr
        for process in (worker, *worker.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [], "the worker is on the host's network, and must not listen there"


async def test_the_worker_drains(shipped: Production) -> None:
    await shipped.compose("stop", "worker")
    worker = shipped.container("worker")
    assert worker.attrs["State"]["ExitCode"] == 0
    assert not worker.attrs["State"]["OOMKilled"]
    assert '"worker drained"' in shipped.log("worker").splitlines()[-1]
    await shipped.compose("start", "worker")


async def test_an_open_incident_outlives_down_and_up(shipped: Production, backend: Backend) -> None:
    """The run waits without a worker; everything is taken down, and comes back with its data."""
    await shipped.compose("stop", "worker")
    backend.crash()
    assert (await fire(shipped)).status_code == 200
    before = await (await temporal(shipped)).get_workflow_handle("ServiceDown/backend").describe()
    await shipped.compose("down", "--timeout", "20")
    await shipped.up()
    client = await temporal(shipped)
    after = await client.get_workflow_handle("ServiceDown/backend").describe()
    assert after.run_id == before.run_id
    assert await closed(client, "ServiceDown/backend") is WorkflowExecutionStatus.COMPLETED
    wait_for(backend.container, "running")


@pytest.fixture
def readable(tmp_path: Path) -> Path:
    """A directory that the image's user may read."""
    tmp_path.chmod(0o755)
    return tmp_path


async def test_what_the_backup_holds_can_be_restored(
    shipped: Production, docker_client: docker.DockerClient, readable: Path
) -> None:
    """The commands of docs/install.md: a copy while Temporal runs, then a host that has nothing but it."""
    manual = (ROOT / "docs/install.md").read_text()
    assert BACKUP in manual
    assert RESTORE in manual
    client = await temporal(shipped)
    before = await client.get_workflow_handle("ServiceDown/backend").describe()
    await shipped.compose("exec", "-T", "temporal", "python", "-c", BACKUP)
    await shipped.compose("cp", "temporal:/var/lib/temporal/backup.db", str(readable / "backup.db"))
    await shipped.compose("down", "--timeout", "20")
    docker_client.volumes.get(f"{shipped.name}_temporal").remove()
    mounted = f"{readable}:/backup:ro"
    await shipped.compose("run", "--rm", "-T", "--no-deps", "--volume", mounted, "temporal", *RESTORE.split())
    await shipped.up()
    after = await (await temporal(shipped)).get_workflow_handle("ServiceDown/backend").describe()
    assert after.run_id == before.run_id
