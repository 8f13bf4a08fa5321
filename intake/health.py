"""`/healthz`, `/readyz` and `/metrics`: for monitoring the intake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from temporalio.client import Client

from intake.http.answers import shown
from intake.http.keys import Keys
from intake.http.metrics import IntakeMetrics
from intake.http.openapi import Endpoint
from models.base import Model
from models.configuration.configuration import Configuration
from models.examined import Check
from runtime.alive.queues import Attended
from runtime.embedded_worker import EmbeddedWorker
from runtime.readiness import check_search_attributes, check_temporal
from runtime.stuck_runs import check_runs


class Alive(Model):
    """The answer to `GET /healthz`."""

    status: Literal["ok"] = "ok"


class Ready(Model):
    """The answer to `GET /readyz`. `checks` is empty for a reader without a token."""

    ready: bool
    checks: tuple[Check, ...] = ()


class HealthPages:
    """Liveness and readiness apart: only a process that is not alive needs a restart.

    All can be read without a token, and then no name of a service, host or address is in them.
    """

    def __init__(
        self,
        client: Client,
        configuration: Callable[[], Configuration],
        attended: Attended,
        problem: Callable[[], str],
        worker: EmbeddedWorker | None,
        metrics: IntakeMetrics,
        keys: Keys,
    ) -> None:
        self._client = client
        self._now = configuration
        self._problem = problem
        self._attended = attended
        self._worker = worker
        self._metrics = metrics
        self._keys = keys

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/healthz", self.alive, "Is the process alive?", Alive),
            Endpoint("GET", "/readyz", self.ready, "Are alerts taken and worked on?", Ready, refusals=(503,)),
            Endpoint("GET", "/metrics", self.metrics, "The metrics, for Prometheus", None),
        ]

    async def alive(self, _: Request) -> Response:
        return shown(Alive())

    async def ready(self, request: Request) -> Response:
        first, attributes, runs, attended = await asyncio.gather(
            check_temporal(self._client),
            check_search_attributes(self._client),
            check_runs(self._client, named=False),
            self._attended.look(self._now()),
        )
        checks = [first, attributes, runs, *attended]
        if self._worker:
            checks.append(self._worker.check())
        checks.append(self._configuration())
        ready = all(check.ok or check.optional for check in checks)
        told = checks if self._keys.knows(request) else ()
        return shown(Ready(ready=ready, checks=tuple(told)), 200 if ready else 503)

    def _configuration(self) -> Check:
        """An invalid file is reported; the last valid one stays in force."""
        problem = self._problem()
        cure = "the last valid one is in force; repair the file" if problem else ""
        return Check(name="configuration", ok=not problem, problem=problem, cure=cure)

    async def metrics(self, request: Request) -> Response:
        metrics = self._metrics.registry if self._keys.knows(request) else self._metrics.nameless
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)
