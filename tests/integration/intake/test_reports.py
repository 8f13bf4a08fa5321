"""Stored reports over HTTP: to be read with a token, from their directory only, and harmless in a browser."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.checks.reports import CheckReportActivities
from models.checks.check import StoredReport
from models.configuration.configuration import Configuration
from tests.parts.product.check_reports import check_report
from tests.parts.product.intake import (
    ANNA,
    CONFIGURATION,
    SENDER,
    TemporalServer,
    environment,
    intake_process,
)

PUBLIC = "https://runbooks.example.com"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def stored(directory: Path) -> StoredReport:
    content = {"directories": {"reviews": str(directory / "reviews")}, "intake": {"public_url": f"{PUBLIC}/"}}
    activities = CheckReportActivities(lambda: Configuration.of(content, ()))
    stored = ActivityEnvironment().run(activities.write_check_report, check_report())
    Path(stored.page).with_name("notes.md").write_text(SENDER)
    return stored


@pytest.fixture(scope="module")
async def http(directory: Path, temporal: TemporalServer) -> AsyncIterator[httpx.AsyncClient]:
    (directory / "token").write_text(SENDER)
    config = directory / "runbooks.yaml"
    config.write_text(f"{CONFIGURATION}\ndirectories: {{reviews: {directory / 'reviews'}}}\n")
    tokens = {"RUNBOOKS_INTAKE_TOKEN_FILE": str(directory / "token"), "ANNA_TOKEN": ANNA}
    async with (
        intake_process(config, environment(temporal.address, **tokens)) as intake,
        httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as http,
    ):
        yield http


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def basic(password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'anna:{password}'.encode()).decode()}"}


@pytest.mark.parametrize("headers", [bearer(SENDER), bearer(ANNA), basic(SENDER), basic(ANNA)])
async def test_its_link_leads_to_the_page(
    http: httpx.AsyncClient, stored: StoredReport, headers: dict[str, str]
) -> None:
    assert stored.link.startswith(f"{PUBLIC}/checks/daily/")
    answer = await http.get(stored.link.removeprefix(PUBLIC), headers=headers)
    whole = await asyncio.to_thread(Path(stored.page).read_bytes)
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), basic("wrong"), {"authorization": "Basic %%%"}])
async def test_without_a_token_nothing_is_told(
    http: httpx.AsyncClient, stored: StoredReport, headers: dict[str, str]
) -> None:
    for path in (stored.link.removeprefix(PUBLIC), "/checks/daily/20000101T000000000Z-1a2b3c4d.html"):
        answer = await http.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_password_reads_and_decides_nothing(http: httpx.AsyncClient) -> None:
    decision = {"verdict": "approve", "plan": "0a1b2c3d4e5f"}
    answer = await http.post("/incidents/ServiceDown/backend/decide", json=decision, headers=basic(ANNA))
    assert answer.status_code == 401
    assert (await http.get("/incidents", headers=basic(ANNA))).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/checks/daily/..%2F..%2Ftoken",
        "/checks/daily/%2e%2e/%2e%2e/token",
        "/checks/..%2Fdaily/{name}",
        "/checks/daily/..%5C..%5Ctoken",
        "/checks/daily/{name}%00",
        "/checks/daily/{name}%0A",
        "/checks/daily/{name}/",
        "/checks/daily/.{name}",
        "/checks/daily/{stem}.html.part",
        "/checks/daily/{stem}",
        "/checks/daily/notes.md",
        "/checks/hourly/{name}",
        "/checks/weekly/{name}",
        "/checks/daily/%2Fetc%2Fpasswd",
    ],
)
async def test_nothing_else_is_served(http: httpx.AsyncClient, stored: StoredReport, path: str) -> None:
    page = Path(stored.page)
    answer = await http.get(path.format(name=page.name, stem=page.stem), headers=bearer(SENDER))
    assert answer.status_code in (307, 404)
    assert SENDER not in answer.text
