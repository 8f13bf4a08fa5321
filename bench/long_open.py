"""One incident that stays open: what repeats add to its history, and that it hears after 200,000 of them.

Everything comes by the real intake (`serve --with-worker`). An unchanged alert is repeated 5,000 times; then
the 50 instances of the alert say something else each time that they are sent, until 200,000 notifications
were taken. The incident goes on in as many runs as that needs, and a person's `done` still closes it.
"""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus

from bench.figures import Figure
from bench.ground import client_of
from bench.poster import Poster
from bench.storm import configured
from demo.parts.waiting import until
from demo.systems.product import OneProcess, new_token, product_environment
from demo.systems.temporal import Temporal
from models.incident.review import Review

ALERT = "SomethingOdd"
INCIDENT = f"{ALERT}/service-0"
REPEATS = 5_000
INSTANCES = 50
NOTIFICATIONS = 200_000
BEGAN = "2026-01-05T03:00:00Z"


async def measure(directory: Path) -> list[Figure]:
    """Events that repeats add, and how soon `done` is heard after all."""
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(Temporal(directory))
        token = new_token(directory)
        environment = product_environment(temporal.address, token)
        config = configured(directory)
        product = OneProcess(directory, config=config, environment=environment)
        await stack.enter_async_context(product)
        client = await client_of(temporal)
        poster = Poster(product.url, token.read_text().strip())
        await poster.post([_body([_alert(number, "it began") for number in range(INSTANCES)])])
        await until("the incident is with a person", lambda: _not_escalated(client), within=30)
        added = await _repeats(client, poster)
        runs, heard = await _notifications(client, poster)
    return [
        Figure(
            what=f"events that {REPEATS:,} repeats add to an open incident",
            product=str(added),
            bare="",
            ratio="",
            aim="0",
            reached=added == 0,
            note="",
        ),
        Figure(
            what=f"runs of an incident told {NOTIFICATIONS:,} times, and the time until `done` closes it",
            product=f"{runs}, {heard:.1f} s",
            bare="",
            ratio="",
            aim="closed",
            reached=True,
            note=f"Long open: {INSTANCES} instances, each of which says something else every time.",
        ),
    ]


async def _repeats(client: Client, poster: Poster) -> int:
    before = await _events(client)
    body = _body([_alert(0, "it began")])
    await poster.post([body] * REPEATS)
    return await _events(client) - before


async def _notifications(client: Client, poster: Poster) -> tuple[int, float]:
    rounds = NOTIFICATIONS // INSTANCES
    told = (_body([_alert(number, f"value {turn}") for number in range(INSTANCES)]) for turn in range(rounds))
    taken = await poster.post(told)
    if taken != rounds * INSTANCES:
        raise RuntimeError(f"{taken:,} of {rounds * INSTANCES:,} notifications were taken")
    began = time.perf_counter()
    handle = client.get_workflow_handle(INCIDENT, result_type=Review)
    await handle.signal("done", "the bench is over")
    await handle.result()
    heard = time.perf_counter() - began
    runs = [one async for one in client.list_workflows(f"WorkflowId = '{INCIDENT}'")]
    return len(runs), heard


async def _not_escalated(client: Client) -> str:
    count = await client.count_workflows(f"WorkflowId = '{INCIDENT}' AND Phase = 'escalated'")
    return "" if count.count else "it is not escalated yet"


async def _events(client: Client) -> int:
    seen = await client.get_workflow_handle(INCIDENT).describe()
    if seen.status is not WorkflowExecutionStatus.RUNNING:
        raise RuntimeError(f"{INCIDENT} is not open: {seen.status}")
    return seen.history_length


def _alert(number: int, summary: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": ALERT, "service": "service-0", "instance": f"host-{number}"},
        "annotations": {"summary": summary},
        "startsAt": BEGAN,
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{ALERT}-{number}",
    }


def _body(alerts: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "groupLabels": {}, "alerts": alerts}).encode()
