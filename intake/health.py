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
from intake.http.metrics import IntakeMetrics
from intake.http.openapi import Endpoint
from models.base import Model
from runtime.embedded_worker import EmbeddedWorker
from runtime.readiness import Check, check_search_attributes, check_temporal
from runtime.stuck_runs import check_runs


class Alive(Model):
    """The answer to `GET /healthz`."""

    status: Literal["ok"] = "ok"


class Ready(Model):
    """The answer to `GET /readyz`."""

    ready: bool
    checks: tuple[Check, ...]


class HealthPages:
    """Liveness and readiness apart: only a process that is not alive needs a restart."""

    def __init__(
        self,
        client: Client,
        problem: Callable[[], str],
        worker: EmbeddedWorker | None,
        metrics: IntakeMetrics,
    ) -> None:
        self._client = client
        self._problem = problem
        self._worker = worker
        self._metrics = metrics

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/healthz", self.alive, "Is the process alive?", Alive),
            Endpoint("GET", "/readyz", self.ready, "Can alerts be taken?", Ready, refusals=(503,)),
            Endpoint("GET", "/metrics", self.metrics, "The metrics, for Prometheus", None),
        ]

    async def alive(self, _: Request) -> Response:
        return shown(Alive())

    async def ready(self, _: Request) -> Response:
        checks = list(
            await asyncio.gather(
                check_temporal(self._client),
                check_search_attributes(self._client),
                check_runs(self._client, named=False),
            )
        )
        if self._worker:
            checks.append(self._worker.check())
        ready = Ready(
            ready=all(check.ok or check.optional for check in checks), checks=(*checks, self._configuration())
        )
        return shown(ready, 200 if ready.ready else 503)

    def _configuration(self) -> Check:
        """An invalid file is reported; the last valid one stays in force."""
        problem = self._problem()
        cure = "the last valid one is in force; repair the file" if problem else ""
        return Check(name="configuration", ok=not problem, problem=problem, cure=cure)

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)
