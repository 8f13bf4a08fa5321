"""What stands around the backend: Prometheus, Sentry, a provider, an orchestrator, and its users."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from demo.parts.http import plain_client
from demo.parts.loopback import LOOPBACK, free_port
from demo.parts.part import Part, ProcessPart
from demo.parts.process import Process
from demo.systems.backend import ROOT, Backend
from demo.systems.prometheus import Prometheus
from demo.systems.temporal import AFFILIATE

A_SECOND = 12
"""Requests: a light load, of which one route is a fifth."""
_ROUTES = (
    "GET /api/products/count",
    "GET /api/analytics/products",
    "GET /api/videos/ideas",
    "POST /api/orchestrator/sync-products",
    "GET /api/analytics/platform-comparison",
    "GET /api/cost-tracking/budget-status",
    "GET /api/analytics/products",
    "GET /api/videos/ideas",
    "POST /api/orchestrator/sync-products",
    "GET /api/analytics/platform-comparison",
)


class Standin(ProcessPart):
    """One of `demo.standins`, or the orchestrator, on `url`. Killed and started, it is on the same port."""

    def __init__(
        self, name: str, directory: Path, *arguments: str, env: dict[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        module = "demo.orchestrator" if name == "orchestrator" else f"demo.standins.{name}"
        argv = [sys.executable, "-m", module, str(self.port), *arguments]
        environment = {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PORT": str(self.port),
            **(env or {}),
        }
        self.process = Process(name, argv, directory=directory, env=environment)

    async def looks_ready(self) -> str:
        """Any answer will do: a provider asks who we are."""
        async with plain_client(1.0) as client:
            try:
                await client.get(f"{self.url}/health")
            except httpx.HTTPError as error:
                return f"{self.url}: {error or type(error).__name__}"
        return ""


class Traffic(Part):
    """Small, steady requests over several routes. They wait for no answer to go on."""

    def __init__(
        self,
        backend: str,
        routes: tuple[str, ...] = _ROUTES,
        *,
        a_second: float = A_SECOND,
        at_once: int = 40,
    ) -> None:
        self._backend = backend
        self._routes = routes
        self.a_second = a_second
        self._at_once = at_once
        self._sending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_for_ever())

    async def stop(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
            self._sending = None

    async def _send_for_ever(self) -> None:
        limits = httpx.Limits(max_connections=self._at_once)
        async with (
            httpx.AsyncClient(base_url=self._backend, timeout=3.0, limits=limits, trust_env=False) as client,
            asyncio.TaskGroup() as requests,
        ):
            while True:
                for route in self._routes:
                    requests.create_task(_send(client, *route.split()))
                    await asyncio.sleep(1 / self.a_second)


async def _send(client: httpx.AsyncClient, method: str, path: str) -> None:
    with suppress(httpx.HTTPError):  # a backend that is down is not the users' trouble to tell
        await client.request(method, path)


class Surroundings(Part):
    """All of it. The backend finds the addresses in `around.json`, so enter this before it starts."""

    def __init__(self, directory: Path, backend: Backend, temporal: str, prometheus: Prometheus) -> None:
        self.prometheus, self.temporal = prometheus, temporal
        self.sentry_token = directory / "sentry-token"
        self.switch_token = directory / "switch-token"
        for token in (self.sentry_token, self.switch_token):
            token.touch(mode=0o600)
            token.write_text(secrets.token_urlsafe(24))
        self.shop_refuses = backend.state / "shop-refuses"
        self.loop_crashes = backend.state / "loop-crashes"
        self.render_crashes = backend.state / "render-crashes"
        self.shop_state = directory / "shop.json"
        self.shop = Standin("shop", directory, str(self.shop_state))
        self.provider_slow = directory / "provider-slow"
        self.provider = Standin("provider", directory, env={"SLOW": str(self.provider_slow)})
        self.generator = Standin("generator", directory)
        self.sentry = Standin("sentry", directory, str(self.sentry_token))
        app = {
            "TEMPORAL_ADDRESS": temporal,
            "TEMPORAL_NAMESPACE": AFFILIATE,
            "REFUSES": str(self.shop_refuses),
            "CRASHES": str(self.loop_crashes),
            "RENDER_CRASHES": str(self.render_crashes),
            "SHOP": self.shop.url,
            "BACKEND": backend.url,
        }
        self.orchestrator = Standin("orchestrator", directory, env=app)
        self.traffic = Traffic(backend.url)
        self._around = backend.state / "around.json"
        outside = (self.provider, self.generator, self.sentry, self.shop, self.orchestrator)
        self._parts: tuple[Part, ...] = (*outside, self.prometheus, self.traffic)

    async def start(self) -> None:
        around = {
            "provider": self.provider.url,
            "orchestrator": self.orchestrator.url,
            "sentry": f"{self.sentry.url}/report",
            "switch_token": self.switch_token.read_text(),
            "generator": self.generator.url,
        }
        self._around.write_text(json.dumps(around))
        try:
            async with asyncio.TaskGroup() as together:
                for part in self._parts:
                    together.create_task(part.start())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def stop(self) -> None:
        for part in reversed(self._parts):
            await part.stop()
