"""From the alert's `POST` to the first probe of its service, at ten alerts a second.

The product is `serve --with-worker`, intake and worker in one process, and every alert is about
another service, on the demo's server. Bare Temporal is a client that starts a workflow whose first
activity makes the same probe in a default worker, on a server with its own defaults. Both take
turns, so that the machine's other work meets both; the health check answers from the measuring
process, whose clock is used.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import yaml
from temporalio.client import Client

from bench.bare import ONE_LOOK, QUEUE
from bench.figures import Figure
from bench.ground import BareWorker, StockTemporal, client_of, inside, supervisord
from bench.health_server import HealthServer
from demo.parts.waiting import until
from demo.systems.product import OneProcess, new_token, product_environment
from demo.systems.temporal import Temporal

ROUNDS = 5
A_ROUND = 40
EVERY = 0.1
AIMS = {"p50": 0.35, "p99": 1.0}
RUNS = "import time; time.sleep(3600)"


async def measure(directory: Path) -> list[Figure]:
    """p50 and p99 of both."""
    async with AsyncExitStack() as stack:
        health = await stack.enter_async_context(HealthServer())
        temporal = await stack.enter_async_context(Temporal(inside(directory, "tuned")))
        stock = await stack.enter_async_context(StockTemporal(inside(directory, "stock")))
        managers = await stack.enter_async_context(supervisord(directory, {"service": RUNS}))
        names = [f"service-{number}" for number in range(ROUNDS * A_ROUND)]
        config = _configuration(directory, str(managers.socket), health.url, names)
        token = new_token(directory)
        environment = product_environment(temporal.address, token)
        product = OneProcess(directory, config=config, environment=environment)
        await stack.enter_async_context(product)
        await stack.enter_async_context(BareWorker(directory, stock.address))
        client, bare = await client_of(temporal), await client_of(stock)
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=product.url,
                trust_env=False,
                headers={"authorization": f"Bearer {token.read_text().strip()}"},
            )
        )
        mine, theirs = await _take_turns(http, client, bare, health, names)
    return [_figure("p50", 0.50, mine, theirs), _figure("p99", 0.99, mine, theirs)]


async def _take_turns(
    http: httpx.AsyncClient, client: Client, stock: Client, health: HealthServer, names: list[str]
) -> tuple[list[float], list[float]]:
    product: list[float] = []
    bare: list[float] = []

    async def post(name: str) -> None:
        (await http.post("/v1/alertmanager", json=webhook("ServiceDown", name))).raise_for_status()

    async def start(name: str) -> None:
        await stock.start_workflow(ONE_LOOK, f"{health.url}/bare-{name}", id=name, task_queue=QUEUE)

    for turn in range(ROUNDS):
        mine = names[turn * A_ROUND : (turn + 1) * A_ROUND]
        product += await _send(mine, post, health, "")
        await until("the incidents are over", lambda: _nothing_open(client), within=30)
        bare += await _send(mine, start, health, "bare-")
        await until("the bare runs are over", lambda: _nothing_open(stock), within=30)
    return product, bare


async def _send(
    names: list[str], send: Callable[[str], Awaitable[None]], health: HealthServer, prefix: str
) -> list[float]:
    """Send one every tenth of a second; how long each took until its probe arrived, in ms."""
    began = time.perf_counter()
    sent: dict[str, float] = {}
    async with asyncio.TaskGroup() as together:
        for number, name in enumerate(names):
            await asyncio.sleep(max(0.0, began + number * EVERY - time.perf_counter()))
            sent[name] = time.perf_counter()
            together.create_task(_awaited(send(name)))

    async def all_probed() -> str:
        missing = [name for name, at in sent.items() if health.first_after(prefix + name, at) is None]
        return f"{len(missing)} services were not probed yet" if missing else ""

    await until("every service is probed", all_probed, within=30)
    arrived = {name: health.first_after(prefix + name, at) for name, at in sent.items()}
    return [1000 * (at - sent[name]) for name, at in arrived.items() if at is not None]


async def _awaited(sending: Awaitable[None]) -> None:
    await sending


async def _nothing_open(client: Client) -> str:
    count = await client.count_workflows(
        "ExecutionStatus = 'Running' AND WorkflowType IN ('ServiceDown', 'OneLook')"
    )
    return f"{count.count} are open" if count.count else ""


def webhook(name: str, service: str, status: str = "firing", began: str = "") -> dict[str, object]:
    """One alert as Alertmanager posts it."""
    began = began or datetime.now(UTC).isoformat()
    ended = datetime.now(UTC).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z"
    labels = {"alertname": name, "service": service}
    return {
        "version": "4",
        "status": status,
        "groupLabels": labels,
        "alerts": [
            {"status": status, "labels": labels, "annotations": {}, "startsAt": began, "endsAt": ended}
        ],
    }


def _configuration(directory: Path, socket: str, health: str, names: list[str]) -> Path:
    manager = {"kind": "supervisord", "program": "service", "socket": socket}
    services = {name: {"manager": manager, "health": {"url": f"{health}/{name}"}} for name in names}
    content = {
        "services": services,
        "alerts": {"ServiceDown": {"severity": "critical"}},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
    }
    path = directory / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def _figure(name: str, quantile: float, product: list[float], bare: list[float]) -> Figure:
    mine, theirs = _quantile(product, quantile), _quantile(bare, quantile)
    ratio = mine / theirs
    return Figure(
        what=f"POST to first probe, {name} of {len(product)} at 10/s",
        product=f"{mine:.0f} ms",
        bare=f"{theirs:.0f} ms",
        ratio=f"{ratio:.2f}",
        aim=f"<= {AIMS[name]}",
        reached=ratio <= AIMS[name],
        note=(
            "First probe: services answer healthily, so that each incident ends as self-recovered and "
            "the two take turns undisturbed; the way to the first probe is the same. Bare: start to first "
            "activity, without a POST before it; its workflow does nothing else, while an incident's "
            "other looks and its review share the cores with the next alert."
        ),
    )


def _quantile(values: list[float], quantile: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(quantile * 100) - 1]
