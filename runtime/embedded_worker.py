"""The worker of `serve --with-worker`: a full one, in the process that takes the alerts.

It shares its client with the intake. So Temporal gives it the first task of a run together with
the answer to the start, and the task need not pass the task queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from models.examined import Check
from models.text import plain
from runtime.connection import connect

RETRY = 5.0
"""Seconds between two attempts to start it."""

Host = Callable[[Client], AbstractAsyncContextManager[Worker]]


class EmbeddedWorker:
    """Keeps the worker running. While Temporal is away the intake still serves, and answers 503."""

    def __init__(self, host: Host, unconnected: Client) -> None:
        self._host = host
        self._unconnected = unconnected
        self._connected: Client | None = None
        self._problem = "it has not started yet"
        self._log = structlog.get_logger("worker")

    def client(self) -> Client:
        """The client to start runs with: the worker's own, once it has one."""
        return self._connected or self._unconnected

    def check(self) -> Check:
        """For `/readyz`."""
        cure = "retried every few seconds; see the log" if self._problem else ""
        return Check(name="worker", ok=not self._problem, problem=self._problem, cure=cure)

    async def keep_running(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then drain. A failure is logged once an outage, and never raised."""
        silent_until = 0.0
        while not stop.is_set():
            began = time.monotonic()
            try:
                await self._run(stop)
            except Exception as error:
                self._problem = plain(str(error))
                if began >= silent_until:
                    self._log.warning("the worker is not running", reason=self._problem)
                silent_until = time.monotonic() + 2 * RETRY
                await _either(stop, RETRY)

    async def _run(self, stop: asyncio.Event) -> None:
        client = await connect()
        async with self._host(client) as worker:
            self._connected, self._problem = client, ""
            self._log.info("worker ready", task_queue=worker.task_queue)
            await stop.wait()
            self._problem = "it is draining"
        self._log.info("worker drained")


async def _either(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
