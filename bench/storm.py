"""A storm: 10,000 alerts on 200 open incidents, and as fast as they come as many new ones.

No worker runs: what is measured is the way from Alertmanager's POST to what Temporal has. Bare
Temporal is a client that brings the same alerts by signal-with-start, and the new ones by
`start_workflow`, to the same server in the same run. Both have eight calls under way.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client

from bench.bare import QUEUE, WAITS
from bench.figures import Figure
from bench.ground import client_of
from bench.poster import Poster
from demo.systems.product import Intake, new_token, product_environment
from demo.systems.temporal import Temporal
from models.incident.alert import Alert

SERVICES = 200
REPEATS = 10_000
BARE_REPEATS = 2_000
NEW = 200
ROUNDS = 3
AT_ONCE = 8
FASTER, NEW_AT_LEAST = 10.0, 0.9
BEGAN = "2026-01-05T03:00:00Z"


@dataclass
class _Storm:
    client: Client
    poster: Poster

    async def product(self, alerts: list[dict[str, Any]], in_batch: int) -> float:
        """Alerts a second, each of them taken."""
        bodies = [_body(alerts[at : at + in_batch]) for at in range(0, len(alerts), in_batch)]
        began = time.perf_counter()
        taken = await self.poster.post(bodies)
        if taken != len(alerts):
            raise RuntimeError(f"{taken} of {len(alerts)} alerts were taken")
        return taken / (time.perf_counter() - began)

    async def bare(self, names: Iterable[str], **signal: Any) -> float:
        async def start(name: str) -> None:
            alert = Alert(name="Bare", service="service", starts_at=datetime.now(UTC), labels={"name": name})
            signals = {**signal, "start_signal_args": [alert]} if signal else {}
            await self.client.start_workflow(WAITS, alert, id=name, task_queue=QUEUE, **signals)

        return await _rate(list(names), start)

    async def lengths(self) -> list[int]:
        """Events of every incident. Raises RPCError for one that is not there."""
        described = [
            self.client.get_workflow_handle(f"ServiceDown/{name}").describe() for name in _services()
        ]
        return [one.history_length for one in await asyncio.gather(*described)]

    async def runs(self) -> int:
        return (await self.client.count_workflows("AlertName = 'ServiceDown'")).count


async def measure(directory: Path) -> list[Figure]:
    """Rates, runs and events."""
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(Temporal(directory))
        token = new_token(directory)
        environment = product_environment(temporal.address, token)
        config = configured(directory)
        intake = await stack.enter_async_context(Intake(directory, config=config, environment=environment))
        storm = _Storm(await client_of(temporal), Poster(intake.url, token.read_text().strip()))
        return [*await _repeats(storm), await _new(storm)]


async def _repeats(storm: _Storm) -> list[Figure]:
    alerts = [_alert("ServiceDown", name) for name in _services()]
    await storm.product(alerts, 50)
    before = await storm.lengths()
    repeats = alerts * (REPEATS // SERVICES)
    rates = {in_batch: await storm.product(repeats, in_batch) for in_batch in (50, 1)}
    after, runs = await storm.lengths(), await storm.runs()
    names = [f"bare-{name}" for name in _services()]
    await storm.bare(names)
    bare = await storm.bare(names * (BARE_REPEATS // SERVICES), start_signal="alert_changed")
    note = (
        f"Storm: {REPEATS:,} repeats on {SERVICES} open incidents over {AT_ONCE} connections; bare brings "
        f"{BARE_REPEATS:,} of them. Each incident is asked for at most every five seconds."
    )
    return [
        *(
            Figure(
                what=f"repeats a second, batches of {in_batch}",
                product=f"{rate:,.0f}",
                bare=f"{bare:,.0f}",
                ratio=f"{rate / bare:.1f}",
                aim=f">= {FASTER:.0f}",
                reached=rate >= FASTER * bare,
                note=note,
            )
            for in_batch, rate in rates.items()
        ),
        Figure(
            what=f"runs for {SERVICES} incidents, and events that {2 * REPEATS:,} repeats add",
            product=f"{runs}, {sum(after) - sum(before)}",
            bare=f"{SERVICES}, {BARE_REPEATS} and their tasks",
            ratio="",
            aim=f"{SERVICES}, 0",
            reached=runs == SERVICES and after == before,
            note="",
        ),
    ]


async def _new(storm: _Storm) -> Figure:
    """The two take turns, so that the machine's other work meets both."""
    mine: list[float] = []
    theirs: list[float] = []
    for turn in range(ROUNDS):
        names = [f"New{turn}_{number}" for number in range(NEW)]
        mine.append(await storm.product([_alert(name, "service-0") for name in names], 50))
        theirs.append(await storm.bare(names))
    product, bare = sorted(mine)[ROUNDS // 2], sorted(theirs)[ROUNDS // 2]
    return Figure(
        what=f"new incidents a second, batches of 50, median of {ROUNDS} rounds of {NEW}",
        product=f"{product:,.0f}",
        bare=f"{bare:,.0f}",
        ratio=f"{product / bare:.2f}",
        aim=f">= {NEW_AT_LEAST}",
        reached=product >= NEW_AT_LEAST * bare,
        note="New: an incident has search attributes and a text for Temporal's UI; a bare run has neither.",
    )


async def _rate(names: list[str], start: Callable[[str], Awaitable[None]]) -> float:
    waiting = iter(names)

    async def carry() -> None:
        for name in waiting:
            await start(name)

    began = time.perf_counter()
    await asyncio.gather(*(carry() for _ in range(AT_ONCE)))
    return len(names) / (time.perf_counter() - began)


def _services() -> list[str]:
    return [f"service-{number}" for number in range(SERVICES)]


def _alert(name: str, service: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {
            "alertname": name,
            "service": service,
            "instance": f"{service}:3000",
            "severity": "critical",
        },
        "annotations": {"summary": f"{service} does not answer"},
        "startsAt": BEGAN,
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{name}-{service}",
    }


def _body(alerts: list[dict[str, Any]]) -> bytes:
    envelope = {
        "version": "4",
        "status": "firing",
        "receiver": "runbooks",
        "groupLabels": {},
        "alerts": alerts,
    }
    return json.dumps(envelope).encode()


def configured(directory: Path) -> Path:
    """A configuration of services that nobody runs."""
    manager = {"kind": "supervisord", "program": "service", "socket": str(directory / "none.sock")}
    content = {
        "services": {name: {"manager": manager} for name in _services()},
        "alerts": {"ServiceDown": {"severity": "critical"}},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
    }
    path = directory / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
