"""The monitoring systems, by answers that were seen in the field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.scraping.targets import LookAtTargets, TargetActivities
from activities.stack.monitoring import MonitoringActivities
from models.checks.item import ItemResult, ItemState
from models.configuration.processes import Systems
from tests.parts.servers.sockets import closed_port

HTML = "<!doctype html><html><body>Log in</body></html>"


@pytest.fixture
async def looks() -> AsyncIterator[MonitoringActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield MonitoringActivities(client)


async def look(activity: Any, name: str, url: str | None) -> ItemResult:
    found: ItemResult = await ActivityEnvironment().run(activity, Systems(**{name: url}))
    return found


@pytest.mark.parametrize("name", ["alertmanager", "grafana"])
async def test_what_is_not_there_is_unknown(
    looks: MonitoringActivities, httpserver: HTTPServer, name: str
) -> None:
    activity = {
        "alertmanager": looks.look_at_alertmanager,
        "grafana": looks.look_at_grafana,
    }[name]
    assert (await look(activity, name, None)).reason == f"configure systems.{name}"
    away = await look(activity, name, f"http://127.0.0.1:{closed_port()}")
    assert (away.state, "refused" in away.reason) == (ItemState.UNKNOWN, True)
    for status in (200, 401, 302):
        httpserver.clear()
        for path in ("/api/v2/status", "/api/health"):
            httpserver.expect_request(path).respond_with_data(HTML, status=status, content_type="text/html")
        assert (await look(activity, name, httpserver.url_for("").rstrip("/"))).state is ItemState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, {"commit": "8db5f08", "database": "ok", "version": "4.6.2"}, ItemState.OK),
        (200, {"database": "ok"}, ItemState.OK),
        (503, {"commit": "8db5f08", "database": "failing", "version": "11.1.0"}, ItemState.BAD),
        (404, {"message": "Not found"}, ItemState.UNKNOWN),
        (200, {"status": "ok"}, ItemState.UNKNOWN),
    ],
)
async def test_grafana_is_well_by_its_own_word(
    looks: MonitoringActivities, httpserver: HTTPServer, status: int, body: dict[str, str], state: ItemState
) -> None:
    httpserver.expect_request("/api/health").respond_with_json(body, status=status)
    assert (await look(looks.look_at_grafana, "grafana", httpserver.url_for("").rstrip("/"))).state is state


TARGETS = [
    ("a", "up", ""),
    ("b", "down", "server returned HTTP status 401 Unauthorized"),
    ("c", "unknown", ""),
]


async def test_every_target_is_shown_what_is_down_first(httpserver: HTTPServer) -> None:
    active = [
        {"labels": {"job": job, "instance": f"{job}:1"}, "health": health, "lastError": error}
        for job, health, error in TARGETS
    ]
    answer = {"status": "success", "data": {"activeTargets": active}}
    httpserver.expect_request("/api/v1/targets").respond_with_json(answer)
    async with httpx.AsyncClient(trust_env=False) as client:
        request = LookAtTargets(url=httpserver.url_for("").rstrip("/"))
        seen = await ActivityEnvironment().run(TargetActivities(client).show_targets, request)
    assert seen.state is ItemState.BAD
    assert seen.tables[0].rows == (
        ("b at b:1", "down", "server returned HTTP status 401 Unauthorized"),
        ("c at c:1", "unknown", ""),
        ("a at a:1", "up", ""),
    )


@pytest.mark.parametrize(
    ("cluster", "uptime", "version", "state"),
    [
        ({"status": "ready", "name": "01", "peers": []}, "2026-01-01T00:00:00Z", "0.27.0", ItemState.OK),
        ({"status": "disabled", "peers": []}, "2026-01-01T00:00:00Z", "0.21.0", ItemState.OK),
        ({"status": "disabled", "peers": []}, None, "N/A", ItemState.OK),
        ({"status": "settling"}, "2026-01-01T00:00:00Z", "0.27.0", ItemState.ATTENTION),
    ],
    ids=["cluster", "alone", "Grafana's own", "just started"],
)
async def test_alertmanager_with_and_without_a_cluster(
    looks: MonitoringActivities,
    httpserver: HTTPServer,
    cluster: dict[str, Any],
    uptime: str | None,
    version: str,
    state: ItemState,
) -> None:
    status = {"cluster": cluster, "uptime": uptime, "versionInfo": {"version": version}}
    alerts = [{"labels": {"alertname": "A"}, "status": {"state": one}} for one in ("active", "suppressed")]
    httpserver.expect_request("/api/v2/status").respond_with_json(status)
    httpserver.expect_request("/api/v2/alerts").respond_with_json(alerts)
    seen = await look(looks.look_at_alertmanager, "alertmanager", httpserver.url_for("").rstrip("/"))
    assert seen.state is state
    assert "1 alerts are active, 1 silenced or inhibited" in seen.reason
