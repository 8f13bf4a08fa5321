"""The pages with 500 open and 10,000 stored incidents and 20 viewers, and what they take from the intake.

The open ones are real runs of a real worker, brought by the intake and escalated to a person. The stored ones
are written by the store's own code, into SQLite and then into PostgreSQL. While the viewers look, alerts come
as fast as they are taken, and every second a new one, so that the board changes. Rounds with the viewers
and without take turns. What the viewers alone cost the intake is measured before.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

import psutil
import yaml
from temporalio.client import Client

from bench.figures import Figure
from bench.ground import client_of
from bench.poster import Poster
from bench.views.stored import STORED, fill
from bench.views.viewers import BOARD, HISTORY, INCIDENT, Viewers
from demo.parts.waiting import until
from demo.systems.postgres import Postgres
from demo.systems.product import Intake, Worker, new_token, product_environment
from demo.systems.temporal import Temporal
from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.service.secret import SecretRef

SERVICES, NAMES = 100, 5
OPEN = SERVICES * NAMES
VIEWERS = 20
ROUNDS = 5
A_ROUND = 5.0
"""Seconds."""
IN_BATCH = 50
FIRST_BYTE, KEPT = 0.2, 0.9
BEGAN = "2026-01-05T03:00:00Z"
OPEN_WITHIN, LOOKS_WITHIN = 150.0, 120.0
RESTS = 8.0
"""Percent of one core."""
LOOKED_AT = [f"Odd{number % NAMES}/service-{number}" for number in range(VIEWERS)]
"""One for each of them."""
_NEW = count()


@dataclass
class _Store:
    name: str
    settings: StoreSettings
    firsts: dict[str, list[float]] = field(default_factory=dict)
    with_viewers: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)
    takes: float = 0.0
    """Share of one core that the viewers take of the intake, while no alerts come."""


async def measure(directory: Path) -> list[Figure]:
    """The first bytes, and the alerts a second with the viewers and without."""
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(Temporal(directory))
        postgres = await stack.enter_async_context(Postgres(directory))
        stores = _stores(directory, postgres.url)
        for store in stores:
            await fill(Configuration(store=store.settings))
        token = new_token(directory)
        environment = product_environment(temporal.address, token)
        config = _configured(directory, stores[0])
        worker = await stack.enter_async_context(Worker(directory, config=config, environment=environment))
        intake = await stack.enter_async_context(Intake(directory, config=config, environment=environment))
        poster, client = Poster(intake.url, token.read_text().strip()), await client_of(temporal)
        await poster.post(_bodies())
        await until(f"{OPEN} incidents are open", lambda: _not_open(client), within=OPEN_WITHIN)
        for store in stores:
            _configured(directory, store)
            viewers = Viewers(intake.url, token.read_text().strip())
            await viewers.sign_in(VIEWERS)
            store.takes = await _alone(viewers, intake.process.pid, worker.process.pid)
            await _look(store, poster, viewers)
    return [figure for store in stores for figure in _figures(store)]


async def _look(store: _Store, poster: Poster, viewers: Viewers) -> None:
    """Every second round begins with the viewers, so that a machine that grows slower harms neither."""
    async with viewers.looking(LOOKED_AT):
        await _rate(poster)  # warms both up
    viewers.firsts = {kind: [] for kind in viewers.firsts}
    for turn in range(ROUNDS):
        if turn % 2:
            store.without.append(await _rate(poster))
        async with viewers.looking(LOOKED_AT):
            store.with_viewers.append(await _rate(poster))
        if not turn % 2:
            store.without.append(await _rate(poster))
    store.firsts = viewers.firsts


async def _alone(viewers: Viewers, intake: int, worker: int) -> float:
    """It does not depend on what else the machine does."""
    process, answers = psutil.Process(intake), psutil.Process(worker)
    async with viewers.looking(LOOKED_AT):
        await until("the first look at every incident is over", lambda: _busy(answers), within=LOOKS_WITHIN)
        before, began = sum(process.cpu_times()[:2]), time.perf_counter()
        await asyncio.sleep(2 * A_ROUND)
        return (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - began)


async def _busy(worker: psutil.Process) -> str:
    """A worker answers what an intake that has just started asks of each open incident, once."""
    takes = await asyncio.to_thread(worker.cpu_percent, A_ROUND)
    return "" if takes < RESTS else f"the worker takes {takes:.0f} % of a core"


async def _rate(poster: Poster) -> float:
    """Alerts a second that are taken, while one a second is new."""
    news = asyncio.create_task(_new_ones(poster))
    began = time.perf_counter()
    taken = await poster.post(_until(began + A_ROUND))
    took = time.perf_counter() - began
    news.cancel()
    with suppress(asyncio.CancelledError):
        await news
    return taken / took


def _until(end: float) -> Iterator[bytes]:
    for body in cycle(_bodies()):
        if time.perf_counter() >= end:
            return
        yield body


async def _new_ones(poster: Poster) -> None:
    for number in _NEW:
        await poster.post([_body([_alert(f"New{number}", "service-0")])])
        await asyncio.sleep(1.0)


async def _not_open(client: Client) -> str:
    found = (await client.count_workflows("ExecutionStatus = 'Running' AND Phase = 'escalated'")).count
    await asyncio.sleep(0.5)  # asking is work for the server, too
    return "" if found >= OPEN else f"{found} of {OPEN}"


def _figures(store: _Store) -> list[Figure]:
    product, without = statistics.median(store.with_viewers), statistics.median(store.without)
    kept = statistics.median(
        one / other for one, other in zip(store.with_viewers, store.without, strict=True)
    )  # of neighbours, for what else the machine does changes from minute to minute
    loads = {kind: sorted(took) for kind, took in store.firsts.items()}
    return [
        *(
            Figure(
                what=f"first byte of {what}, {STORED:,} stored in {store.name}, p50 and p95 of {len(took)}",
                product=f"{1000 * took[len(took) // 2]:.0f} ms, {1000 * took[len(took) * 95 // 100]:.0f} ms",
                bare="",
                ratio="",
                aim=f"p95 < {1000 * FIRST_BYTE:.0f} ms",
                reached=took[len(took) * 95 // 100] < FIRST_BYTE,
                note=(
                    f"Views: {OPEN} incidents are open, {VIEWERS} viewers load a page a second each and "
                    "whatever a live stream says has changed, while alerts come as fast as they are taken."
                ),
            )
            for what, took in (
                ("the board", loads[BOARD]),
                ("an incident", loads[INCIDENT]),
                ("the history", loads[HISTORY]),
            )
        ),
        Figure(
            what=f"processor time of the intake that {VIEWERS} viewers take, of one core ({store.name})",
            product=f"{store.takes:.0%}",
            bare="",
            ratio="",
            aim=f"<= {1 - KEPT:.0%}",
            reached=store.takes <= 1 - KEPT,
            note="",
        ),
        Figure(
            what=f"alerts a second with {VIEWERS} viewers, and without ({store.name}), median of {ROUNDS}",
            product=f"{product:,.0f}, and {without:,.0f}",
            bare="",
            ratio=f"{kept:.2f}",
            aim=f">= {KEPT}",
            reached=kept >= KEPT,
            note="",
        ),
    ]


def _bodies() -> list[bytes]:
    alerts = [
        _alert(f"Odd{name}", f"service-{service}") for service in range(SERVICES) for name in range(NAMES)
    ]
    return [_body(alerts[at : at + IN_BATCH]) for at in range(0, len(alerts), IN_BATCH)]


def _alert(name: str, service: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "service": service, "severity": "critical"},
        "annotations": {"summary": f"{service} is not as it was"},
        "startsAt": BEGAN,
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{name}-{service}",
    }


def _body(alerts: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "groupLabels": {}, "alerts": alerts}).encode()


def _stores(directory: Path, url: str) -> list[_Store]:
    secret = directory / "store-url"
    secret.touch(mode=0o600)
    secret.write_text(url)
    file = StoreSettings(file=str(directory / "store" / "incidents.sqlite"))
    return [_Store("SQLite", file), _Store("PostgreSQL", StoreSettings(postgres=SecretRef(file=str(secret))))]


def _configured(directory: Path, store: _Store) -> Path:
    """Services that nobody runs, and this store. Both processes take an edit by themselves."""
    manager = {"kind": "supervisord", "program": "service", "socket": str(directory / "none.sock")}
    content = {
        "services": {f"service-{number}": {"manager": manager} for number in range(SERVICES)},
        "escalation": {"any-alert": ["on-call"]},
        "contacts": {"on-call": ["log"]},
        "channels": {"log": {"kind": "log"}},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
        "store": store.settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
    }
    path = directory / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
