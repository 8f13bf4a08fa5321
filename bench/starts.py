"""Starts a second of the server that the demo embeds, against its stock settings; and what a crash loses.

The two servers take turns. The workflows have no worker: only the start is measured, eight in
flight. Then both are killed with `kill -9`, and every start that was accepted must be there when
they are back.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bench.bare import QUEUE, WAITS
from bench.figures import Figure
from bench.ground import StockTemporal, client_of, inside
from demo.systems.temporal import Temporal

ROUNDS = 5
A_ROUND = 120
AT_ONCE = 8
AIM = 2.0


async def measure(directory: Path) -> list[Figure]:
    """The medians of both, and the starts that were lost."""
    tuned, stock = Temporal(inside(directory, "tuned")), StockTemporal(inside(directory, "stock"))
    async with tuned, stock:
        rates: dict[Temporal, list[float]] = {tuned: [], stock: []}
        accepted: dict[Temporal, list[str]] = {tuned: [], stock: []}
        clients = {one: await client_of(one) for one in rates}
        for turn in range(ROUNDS):
            for server, client in clients.items():
                began = time.perf_counter()
                accepted[server] += await _start(client, f"turn-{turn}")
                rates[server].append(A_ROUND / (time.perf_counter() - began))
        lost = {server: await _lost_by_a_kill(server, accepted[server]) for server in rates}
    return _figures(
        statistics.median(rates[tuned]),
        statistics.median(rates[stock]),
        lost[tuned],
        lost[stock],
    )


async def _start(client: Client, prefix: str) -> list[str]:
    """Start a round, eight in flight; the IDs that the server accepted."""
    waiting = iter(f"{prefix}-{number}" for number in range(A_ROUND))
    accepted: list[str] = []

    async def carry() -> None:
        for name in waiting:
            await client.start_workflow(WAITS, name, id=name, task_queue=QUEUE)
            accepted.append(name)

    await asyncio.gather(*(carry() for _ in range(AT_ONCE)))
    return accepted


async def _lost_by_a_kill(server: Temporal, accepted: list[str]) -> int:
    """`kill -9` while more starts arrive; how many of all that were accepted are gone afterwards."""
    client = await client_of(server)
    more: list[str] = []
    well_under_way = asyncio.Event()

    async def keep_starting() -> None:
        for number in range(10_000):
            name = f"until-the-end-{number}"
            await client.start_workflow(WAITS, name, id=name, task_queue=QUEUE)
            more.append(name)
            if number == 30:
                well_under_way.set()

    starting = asyncio.create_task(keep_starting())
    await asyncio.wait_for(well_under_way.wait(), 30)
    await server.kill()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await server.start()
    client = await client_of(server)
    return sum([not await _is_there(client, name) for name in [*accepted, *more]])


async def _is_there(client: Client, name: str) -> bool:
    """Asked by its ID, and of the history itself: the list may be behind."""
    try:
        await client.get_workflow_handle(name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def _figures(tuned: float, stock: float, lost: int, stock_lost: int) -> list[Figure]:
    ratio = tuned / stock
    return [
        Figure(
            what="starts a second of the embedded server",
            product=f"{tuned:.0f}",
            bare=f"{stock:.0f}",
            ratio=f"{ratio:.2f}",
            aim=f">= {AIM:.0f}",
            reached=ratio >= AIM,
            note=(
                "Starts: the demo's server (WAL, synchronous NORMAL) against the stock settings of "
                "`temporal server start-dev`, both with their database in a file."
            ),
        ),
        Figure(
            what=f"accepted starts lost by kill -9, of {ROUNDS * A_ROUND} and more",
            product=f"{lost}",
            bare=f"{stock_lost}",
            ratio="",
            aim="0",
            reached=lost == 0,
            note="",
        ),
    ]
