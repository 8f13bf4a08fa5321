"""A balancer: one port in front of all replicas, as there is one in front of every scaled service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.parts.http import plain_client
from demo.parts.loopback import LOOPBACK
from demo.parts.part import Part
from demo.parts.waiting import until

_ANSWER_WITHIN = 0.8
"""Seconds until the next replica is asked."""


class Balancer(Part):
    """Remediation each request to the first replica that answers, and says 503 when none does."""

    def __init__(self, port: int, replicas: Callable[[], list[str]]) -> None:
        self._replicas = replicas
        routes = [Route("/{path:path}", self._hand_on, methods=["GET", "POST"])]
        configuration = uvicorn.Config(
            Starlette(routes=routes), host=LOOPBACK, port=port, log_config=None, lifespan="off"
        )
        self._server = _WithoutSignals(configuration)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._server.serve())
        await until("balancer ready", self._listens)

    async def stop(self) -> None:
        if self._running:
            self._server.should_exit = True
            await self._running
            self._running = None

    async def _listens(self) -> str:
        return "" if self._server.started else "it does not listen yet"

    async def _hand_on(self, request: Request) -> Response:
        body = await request.body()
        async with plain_client(_ANSWER_WITHIN) as client:
            for replica in await asyncio.to_thread(self._replicas):
                try:
                    answer = await client.request(
                        request.method, f"http://{replica}{request.url.path}", content=body
                    )
                except httpx.TransportError:
                    continue
                return Response(answer.content, answer.status_code, {"content-type": "application/json"})
        return Response('{"error": "no replica answers"}', 503, {"content-type": "application/json"})


class _WithoutSignals(uvicorn.Server):
    """Signals are for the process that runs the demo."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
