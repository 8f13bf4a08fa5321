"""A server that skips time, with a worker of checks whose activities a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.checks.policy import CheckPolicyActivities
from models.checks.check import CheckName, CheckReport, CheckRequest, StoredReport
from models.checks.item import Item
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE, check_id
from runtime.hosted.activities import activities_of
from tests.workflows.harness import SERVER
from workflows.runbooks.registry import NAMES

MANAGER = {"kind": "docker", "container": "one"}


@dataclass
class Stage:
    """The configuration of the checks that a test runs."""

    client: Client
    content: dict[str, Any] = field(default_factory=dict)
    written: list[CheckReport] = field(default_factory=list)

    @activity.defn
    async def write_check_report(self, report: CheckReport) -> StoredReport:
        self.written.append(report)
        return StoredReport(markdown="report.md", page="report.html")

    def configuration(self) -> Configuration:
        return Configuration.of(self.content, NAMES)

    def services(self, *names: str, **more: Any) -> None:
        self.content["services"] = {name: {"manager": MANAGER, **more} for name in names}

    async def start(
        self, which: type[object], name: CheckName = CheckName.DAILY
    ) -> WorkflowHandle[Any, CheckReport]:
        return await self.client.start_workflow(
            which.__name__,
            CheckRequest(name=name),
            id=check_id(name),
            task_queue=TASK_QUEUE,
            result_type=CheckReport,
        )

    async def check(self, which: type[object], name: CheckName = CheckName.DAILY) -> CheckReport:
        return await (await self.start(which, name)).result()


@asynccontextmanager
async def stage(
    workflows: Sequence[type[object]], activities: Sequence[Callable[..., Any]]
) -> AsyncIterator[Stage]:
    """A stage with these workflows and activities, and the policy as the worker takes it."""
    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=SERVER, data_converter=pydantic_data_converter
    )
    async with env:
        here = Stage(env.client)
        policy = activities_of(CheckPolicyActivities(here.configuration))
        with ThreadPoolExecutor(4) as threads:
            async with Worker(
                env.client,
                task_queue=TASK_QUEUE,
                workflows=workflows,
                activities=[*policy, here.write_check_report, *activities],
                activity_executor=threads,
            ):
                yield here


def item(report: CheckReport, name: str) -> Item:
    """The item of this name."""
    return next(one for one in report.items if one.name == name)
