"""What a reader without a token sees: a status, and no name of a service, host, path or address."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest

from intake.http.metrics import IntakeMetrics
from runtime.alive.gauges import Gauge
from tests.parts.product.intake import CONFIGURATION, SENDER, environment, intake_process

TEMPORAL = "127.0.0.1:1"
KNOWN = {"authorization": f"Bearer {SENDER}"}
ASKED = (
    "/healthz", "/readyz", "/metrics", "/openapi.json", "/incidents", "/incidents/ServiceDown/backend",
    "/checks/daily/20000101T000000000Z-1a2b3c4d.html", "/checks/daily/..%2f..%2frunbooks.yaml",
    "/backend", "/",
)  # fmt: skip


async def test_a_reader_without_a_token_sees_a_status_and_no_name(tmp_path: Path) -> None:
    """Temporal is away and the configuration is broken, so that there is much to tell."""
    config, token = tmp_path / "runbooks.yaml", tmp_path / "token"
    config.write_text(CONFIGURATION)
    token.write_text(SENDER)
    variables = environment(TEMPORAL, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    async with (
        intake_process(config, variables) as intake,
        httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as http,
    ):
        config.write_text(f"{CONFIGURATION}\nnonsense: [backend]\n")
        await http.get(ASKED[6], headers=KNOWN)  # it reads the configuration anew
        told = (await http.get("/readyz", headers=KNOWN)).json()
        assert len(told["checks"]) >= 4
        assert str(told).count("nonsense") >= 1
        answers = [await http.get(path) for path in ASKED]
        answers += [await http.post(path, json={"service": "backend"}) for path in ASKED]
        answers.append(await http.post("/v1/alertmanager", json={}))
        answers.append(await http.post("/incidents/ServiceDown/backend/decide", json={}))
        assert (await http.get("/readyz")).json() == {"ready": False, "checks": []}
    for answer in answers:
        seen = f"{answer.text} {answer.headers}"
        for name in (
            "backend",
            "anna",
            "nonsense",
            TEMPORAL,
            "Temporal (",
            str(tmp_path),
            "Traceback",
            ".py",
        ):
            assert name not in seen, f"{answer.request.url}: {seen}"


@pytest.mark.parametrize("gauge", [Gauge.STUCK_RUNS, Gauge.WORKERS, Gauge.BACKLOG, Gauge.BACKLOG_AGE])
def test_metrics_without_a_token_leave_out_what_is_about_one_service_or_host(gauge: Gauge) -> None:
    metrics = IntakeMetrics()
    for place, name in enumerate(("backend", "runbooks@web-1", "runbooks")):
        metrics.gauges.set(gauge, place, name)
    named, nameless = (generate_latest(one).decode() for one in (metrics.registry, metrics.nameless))
    assert "backend" in named
    series = [line for line in nameless.splitlines() if line.startswith(gauge.value)]
    kept = [f'{gauge.value}{{process="intake",task_queue="runbooks"}} 2.0']
    assert series == ([] if gauge is Gauge.STUCK_RUNS else kept)
