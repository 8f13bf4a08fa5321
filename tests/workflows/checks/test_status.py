"""The status on a server that skips time: what fails or has no worker hides nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.checks.policy import CheckPolicyActivities
from activities.health.health_seen import HealthKind, HealthSeen
from activities.managers.process_seen import ProcessSeen, ProcessState
from activities.scraping.targets import LookAtTargets
from models.checks.item import ItemResult, ItemState
from models.checks.status import EngineOf, SampleMetrics, StatusPart, StatusReport, StatusRequest
from models.configuration.configuration import Configuration
from models.configuration.processes import Systems
from models.evidence.evidence import Finding
from models.names import TASK_QUEUE, queue_of
from models.service.service import Service
from runtime.hosted.activities import activities_of
from tests.workflows.harness import SERVER
from workflows.checks.status import Status

CONFIGURATION = {
    "systems": {"prometheus": "http://prometheus:9090"},
    "services": {
        "backend": {
            "aliases": ["ai-backend"],
            "manager": {"kind": "docker", "container": "backend"},
            "health": {"url": "http://backend:3000/health"},
        },
        "far": {"host": "web-1", "manager": {"kind": "docker", "container": "far"}},
        "dark": {"host": "web-2", "manager": {"kind": "supervisord", "program": "dark", "socket": "/s"}},
    },
}


class Outside:
    """The systems, of which Prometheus breaks our own code."""

    def __init__(self) -> None:
        self.sampled: list[str] = []

    @activity.defn
    async def look_at_process(self, service: Service) -> ProcessSeen:
        queue = activity.info().task_queue
        return ProcessSeen(finding=Finding.OK, reason=f"runs, seen on {queue}", state=ProcessState.RUNNING)

    @activity.defn
    async def probe_health(self, service: Service) -> HealthSeen:
        return HealthSeen(finding=Finding.BAD, kind=HealthKind.ERROR_STATUS, reason="answers 500", status=500)

    @activity.defn
    async def sample_metrics(self, request: SampleMetrics) -> ItemResult:
        self.sampled.append(request.url)
        return ItemResult(state=ItemState.OK, reason="3 samples")

    @activity.defn
    async def show_targets(self, request: LookAtTargets) -> ItemResult:
        raise ApplicationError("a mistake of ours", non_retryable=True)

    @activity.defn
    async def look_at_grafana(self, systems: Systems) -> ItemResult:
        return ItemResult(reason="configure systems.grafana")

    @activity.defn
    async def look_at_alertmanager(self, systems: Systems) -> ItemResult:
        return ItemResult(state=ItemState.OK, reason="works")

    @activity.defn
    async def look_at_engine(self, request: EngineOf) -> ItemResult:
        return ItemResult(state=ItemState.OK, reason=f"asked by {activity.info().task_queue}")


Ask = Callable[[StatusRequest], Any]


@asynccontextmanager
async def asking(outside: Outside) -> AsyncIterator[Ask]:
    configuration = Configuration.of(CONFIGURATION, ())
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=SERVER, data_converter=pydantic_data_converter
    ) as env:
        client: Client = env.client
        looks = activities_of(outside)
        policy = activities_of(CheckPolicyActivities(lambda: configuration))
        threads = ThreadPoolExecutor(1)
        common: dict[str, Any] = {"activities": [*looks, *policy], "activity_executor": threads}
        async with (
            Worker(client, task_queue=TASK_QUEUE, workflows=[Status], **common),
            Worker(client, task_queue=queue_of("web-1"), activities=looks),
        ):
            yield lambda request: client.execute_workflow(
                Status.run, request, id="check/status-1", task_queue=TASK_QUEUE
            )


def states(report: StatusReport) -> dict[str, tuple[ItemState, str]]:
    return {
        item.name: (item.found.state, item.found.reason)
        for section in report.sections
        for item in section.items
    }


async def test_each_service_is_looked_at_on_its_own_host() -> None:
    outside = Outside()
    async with asking(outside) as ask:
        report = await ask(StatusRequest(parts=(StatusPart.SERVICES,)))
    assert states(report) == {
        "state of backend": (ItemState.OK, "runs, seen on runbooks"),
        "health of backend": (ItemState.BAD, "answers 500"),
        "metrics of backend": (ItemState.OK, "3 samples"),
        "state of far": (ItemState.OK, "runs, seen on runbooks@web-1"),
        "state of dark": (
            ItemState.UNKNOWN,
            "no worker answers on web-2: start `python worker.py --host web-2` there",
        ),
    }
    assert outside.sampled == ["http://backend:3000/metrics"]
    assert report.state is ItemState.BAD


async def test_what_fails_hides_nothing() -> None:
    async with asking(Outside()) as ask:
        report = await ask(StatusRequest(parts=(StatusPart.STACK,), service="far"))
    assert states(report) == {
        "Prometheus targets": (ItemState.UNKNOWN, "could not be checked: a mistake of ours"),
        "Grafana": (ItemState.UNKNOWN, "configure systems.grafana"),
        "Alertmanager": (ItemState.OK, "works"),
        "engine Docker on web-1": (ItemState.OK, "asked by runbooks@web-1"),
    }


async def test_one_service_by_its_name_or_by_another() -> None:
    async with asking(Outside()) as ask:
        report = await ask(StatusRequest(parts=(StatusPart.SERVICES,), service="ai-backend"))
    assert list(states(report)) == ["state of backend", "health of backend", "metrics of backend"]


async def test_a_service_that_is_not_there_is_named_with_those_that_are() -> None:
    async with asking(Outside()) as ask:
        report = await ask(StatusRequest(service="bakend"))
    assert report.mistake == "there is no service 'bakend'; known: backend, far, dark"


@pytest.mark.parametrize("part", [StatusPart.DATABASE])
async def test_a_page_of_which_nothing_is_configured_is_empty(part: StatusPart) -> None:
    async with asking(Outside()) as ask:
        report = await ask(StatusRequest(parts=(part,)))
    assert [(one.part, one.items) for one in report.sections] == [(part, ())]
