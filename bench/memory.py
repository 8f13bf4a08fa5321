"""What a worker's memory grows by for each of up to a thousand open incidents that wait for approval.

Each incident has a service of its own that runs and does not answer: at `warning` a restart of
a running service asks a person. So as many stewards are open as well, and counted in. Bare
Temporal is a default worker with as many runs that wait for a signal after one activity. The
memory is the proportional set size of the worker process, after a first few have warmed it up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import yaml
from temporalio.client import Client

from bench.bare import QUEUE, WAITS
from bench.figures import Figure
from bench.first_probe import RUNS
from bench.ground import BareWorker, client_of, supervisord
from bench.health_server import HealthServer
from demo.parts.waiting import until
from demo.systems.product import Worker, new_token, product_environment
from demo.systems.temporal import Temporal
from models.incident.alert import Alert
from models.incident.search_attributes import of_alert
from models.names import TASK_QUEUE, Severity
from runtime.systems.runs import CACHED_RUNS

WARM_UP = 50
OPEN = 1000
BATCH = 50
AT_ONCE = 8
WITHIN = 60.0
"""Seconds for one batch."""
ENOUGH = 110.0
"""Seconds after which no further batch is opened: a busy machine measures with fewer incidents."""

Start = Callable[[str], Awaitable[object]]


async def measure(directory: Path) -> list[Figure]:
    """Kilobytes an open incident, and an open bare run."""
    names = [f"service-{number}" for number in range(WARM_UP + OPEN)]
    async with _product(directory, names) as (worker, client):
        product, incidents = await _growth(worker, client, names, lambda name: _fire(client, name), WAITING)
    bare_directory = directory / "bare"
    bare_directory.mkdir()
    async with Temporal(bare_directory) as temporal, BareWorker(bare_directory, temporal.address) as bare:
        client = await client_of(temporal)
        names = names[: WARM_UP + incidents]
        waits, _ = await _growth(bare.process.pid, client, names, lambda name: _wait(client, name), OPEN_RUNS)
    return [
        Figure(
            what=f"worker memory for each of {incidents} incidents awaiting approval",
            product=f"{product:.0f} KB",
            bare=f"{waits:.0f} KB",
            ratio=f"{product / waits:.2f}",
            aim="<= 1",
            reached=product <= waits,
            note=(
                f"Memory: each incident has its own steward, so {2 * incidents} runs are open. A worker "
                f"keeps the {CACHED_RUNS} runs that were used last, and replays the others when somebody "
                "speaks to them: that bounds what it needs, however many are open. Bare: the SDK's 1,000."
            ),
        )
    ]


WAITING = "WorkflowType = 'ServiceDown' AND Phase = 'awaiting approval' AND ExecutionStatus = 'Running'"
OPEN_RUNS = "WorkflowType = 'Waits' AND ExecutionStatus = 'Running'"


@asynccontextmanager
async def _product(directory: Path, names: list[str]) -> AsyncIterator[tuple[int, Client]]:
    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(HealthServer(healthy=False))
        temporal = await stack.enter_async_context(Temporal(directory))
        managers = await stack.enter_async_context(supervisord(directory, {"service": RUNS}))
        config = _configuration(directory, str(managers.socket), health.url, names)
        environment = product_environment(temporal.address, new_token(directory))
        worker = Worker(directory, config=config, environment=environment)
        await stack.enter_async_context(worker)
        yield worker.process.pid, await client_of(temporal)


async def _growth(pid: int, client: Client, names: list[str], start: Start, query: str) -> tuple[float, int]:
    """How much the process grew for each run after the first few, in KB; and how many there were."""
    await _open(client, names[:WARM_UP], start, query, WARM_UP)
    before, began = _memory(pid), time.monotonic()
    opened = WARM_UP
    while opened < len(names) and time.monotonic() - began < ENOUGH:
        batch = names[opened : opened + BATCH]
        opened += len(batch)
        await _open(client, batch, start, query, opened)
    grown = opened - WARM_UP
    return (_memory(pid) - before) / grown / 1000, grown


async def _open(client: Client, names: list[str], start: Start, query: str, expected: int) -> None:
    waiting = iter(names)

    async def carry() -> None:
        for name in waiting:
            await start(name)

    await asyncio.gather(*(carry() for _ in range(AT_ONCE)))

    async def all_there() -> str:
        found = (await client.count_workflows(query)).count
        await asyncio.sleep(0.2)  # asking is work for the server, too
        return "" if found >= expected else f"{found} of {expected}"

    await until("every run waits", all_there, within=WITHIN)


async def _fire(client: Client, name: str) -> None:
    alert = Alert(name="ServiceDown", service=name, starts_at=datetime.now(UTC))
    await client.start_workflow(
        "ServiceDown",
        alert,
        id=alert.incident_id,
        task_queue=TASK_QUEUE,
        search_attributes=of_alert(alert, Severity.WARNING),
    )


async def _wait(client: Client, name: str) -> None:
    await client.start_workflow(WAITS, name, id=name, task_queue=QUEUE)


def _memory(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().pss)


def _configuration(directory: Path, socket: str, health: str, names: list[str]) -> Path:
    manager = {"kind": "supervisord", "program": "service", "socket": socket}
    services = {
        name: {"manager": manager, "health": {"url": f"{health}/{name}", "settle": "1s"}} for name in names
    }
    content = {
        "services": services,
        "alerts": {"ServiceDown": {"severity": "warning"}},
        "escalation": {"any-alert": ["on-call"]},
        "contacts": {"on-call": ["log"]},
        "channels": {"log": {"kind": "log"}},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
    }
    path = directory / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
