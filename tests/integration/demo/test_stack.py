"""The whole stack with its own monitoring, and what counts as a demo that went well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.faults import FAULTS
from demo.parts.loopback import is_installed
from demo.parts.waiting import until
from demo.stack import Stack
from demo.story import Ending, last_words
from demo.systems.supervisor import SupervisedServices
from models.incident.alert import Alert
from models.incident.incident import IncidentState, Outcome
from models.incident.review import Review
from models.names import Severity
from tests.parts.product.doc_blocks import python_of
from tests.parts.product.pipeline import SERVICE_DOWN
from tests.parts.product.stack import MANAGERS, running_stack
from tests.parts.requirements import missing

AT = datetime(2026, 1, 1, tzinfo=UTC)


def review(cause: str) -> Review:
    return Review(
        incident=SERVICE_DOWN,
        run_id="run",
        runbook="ServiceDown",
        alert=Alert(name="ServiceDown", service="backend", starts_at=AT),
        severity=Severity.CRITICAL,
        outcome=Outcome.RESOLVED,
        summary="",
        cause=cause,
        began_at=AT,
        detected_after=timedelta(),
        responded_after=None,
        resolved_after=timedelta(seconds=3),
        respond_within=timedelta(minutes=5),
    )


COMPLETED = WorkflowExecutionStatus.COMPLETED
GOOD = Ending(COMPLETED, review("crash"), "review.md", 1.0)


def test_only_a_completed_run_with_the_expected_cause_went_well() -> None:
    assert GOOD.went_as_expected(FAULTS["crash"])
    assert not GOOD.went_as_expected(FAULTS["hang"])
    assert not replace(GOOD, status=WorkflowExecutionStatus.TERMINATED).went_as_expected(FAULTS["crash"])
    assert not replace(GOOD, review=None).went_as_expected(FAULTS["crash"])


def test_the_last_words_name_a_cause_that_was_not_expected() -> None:
    assert last_words(GOOD, FAULTS["crash"])[0] == "cause             crash"
    assert last_words(GOOD, FAULTS["hang"])[0] == "cause             crash, but hung was expected"
    failed = Ending(WorkflowExecutionStatus.FAILED, None, "", 0.0)
    assert last_words(failed, FAULTS["crash"]) == ["outcome           the run failed, without a review"]


async def test_the_example_of_the_docs_is_repaired(tmp_path: Path) -> None:
    """The block of docs/demo.md, executed; where it says what happens, that is waited for."""
    if not is_installed("prometheus"):
        missing("prometheus is not installed: apt-get install prometheus")
    ours = {
        "Stack": Stack,
        "SupervisedServices": SupervisedServices,
        "FAULTS": FAULTS,
    }

    async def repaired(seen: dict[str, Any]) -> None:
        stack: Stack = seen["stack"]
        client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
        handle = client.get_workflow_handle(SERVICE_DOWN)

        async def not_started() -> str:
            try:
                state: IncidentState = await handle.query("state", result_type=IncidentState)
            except RPCError as error:
                return str(error)
            return "" if [one.plan.says for one in state.performed] == ["start backend"] else state.summary

        await until("the backend started by the runbook", not_started, within=90)
        assert (await handle.query("state", result_type=IncidentState)).alert.source == "alertmanager"

    await python_of("docs/demo.md").run_within({"directory": tmp_path, **ours}, meanwhile=repaired)


@pytest.mark.parametrize("manager", MANAGERS)
async def test_monitoring_raises_and_resolves_by_itself(tmp_path: Path, manager: str) -> None:
    """Crash → Prometheus → Alertmanager → intake → worker → supervisord or Docker → resolved."""
    if not is_installed("prometheus"):
        missing("prometheus is not installed: apt-get install prometheus")
    async with running_stack(tmp_path, manager, monitored=True) as stack:
        client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
        handle = client.get_workflow_handle(SERVICE_DOWN, result_type=Review)

        async def closed() -> str:
            try:
                status = (await handle.describe()).status
            except RPCError as error:
                return str(error)
            return "it is open" if status is WorkflowExecutionStatus.RUNNING else ""

        async with FAULTS["crash"].inject(stack.services):
            await until("incident closed", closed, within=90)

        written = await handle.result()
        assert written.cause == "crash"
        assert written.outcome is Outcome.RESOLVED
        assert not await stack.services.backend.is_healthy()
        assert list((stack.directory / "reviews").glob("ServiceDown-backend-*.md"))
