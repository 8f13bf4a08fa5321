"""Incidents that do not answer, or not as they should: others are stored, and these as far as is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from temporalio.client import Client

from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.incident.alert import Alert
from models.incident.search_attributes import of_alert
from models.names import TASK_QUEUE, Severity
from runtime.alive.gauges import RegistryGauges
from runtime.alive.storing import StoreRounds
from runtime.store.collecting import FORGOTTEN, Collector
from runtime.store.opening import database_of
from runtime.store.reading import Search, StoredIncidents
from runtime.store.store import IncidentStore
from tests.integration.intake.conftest import temporal
from tests.integration.store.standing_in import stand_ins
from tests.parts.product.intake import TemporalServer
from tests.parts.store.stored import line_of, state_of

__all__ = ["temporal"]


@pytest.fixture(scope="module")
async def client(temporal: TemporalServer) -> AsyncIterator[Client]:
    client = await temporal.client()
    async with stand_ins(client):
        yield client


async def fired(client: Client, kind: str, queue: str = TASK_QUEUE) -> Alert:
    one = Alert(name="DiskFull", service=f"s-{uuid4().hex[:8]}", starts_at=datetime.now(UTC))
    await client.start_workflow(
        kind, one, id=one.incident_id, task_queue=queue, search_attributes=of_alert(one, Severity.CRITICAL)
    )
    return one


async def test_one_whose_state_cannot_be_read_holds_up_no_other(
    client: Client, settings: StoreSettings
) -> None:
    garbled, good = await fired(client, "Garbled"), await fired(client, "AnyAlert")
    configuration = Configuration(store=settings)
    rounds = StoreRounds(client, RegistryGauges(CollectorRegistry(), "worker"), timedelta())
    with capture_logs() as said:
        for _ in range(2):
            await rounds.round(configuration)
    assert [line["log_level"] for line in said] == ["error"]
    stored = (await StoredIncidents(database_of(configuration)).find(Search())).rows
    assert good.incident_id in [one.line.id for one in stored]
    assert garbled.incident_id not in [one.line.id for one in stored]
    await client.get_workflow_handle(garbled.incident_id).terminate("over")
    await client.get_workflow_handle(good.incident_id).terminate("over")


async def test_who_nobody_answers_for_is_given_up_so_long_after_the_first_try(client: Client) -> None:
    """However long ago it closed: the worker may have been away since then."""
    alert = await fired(client, "AnyAlert", queue="nobody-is-here")
    await client.get_workflow_handle(alert.incident_id).terminate("over")
    line = line_of(state_of()).model_copy(
        update={
            "id": alert.incident_id,
            "run_id": str((await client.get_workflow_handle(alert.incident_id).describe()).run_id),
            "open": False,
            "ended": "terminated",
            "closed_at": datetime.now(UTC) - timedelta(days=1),
        }
    )
    assert await Collector(client).growth(line.run_id, line, None) is None
    growth = await Collector(client, gives_up_after=timedelta()).growth(line.run_id, line, None)
    assert growth
    assert [fact.topic for fact in growth.facts] == ["opened", "closed"]


async def test_one_that_was_forgotten_before_it_was_stored_is_stored_as_it_was_listed(
    client: Client, settings: StoreSettings
) -> None:
    database = database_of(Configuration(store=settings))
    store, stored = IncidentStore(database), StoredIncidents(database)
    await store.prepare()
    line = line_of(state_of()).model_copy(update={"id": "ServiceDown/gone", "run_id": str(uuid4())})
    growth = await Collector(client).growth(line.run_id, line, None)
    assert growth
    await store.append([growth], datetime.now(UTC))
    (one,) = (await stored.find(Search())).rows
    assert (one.line.id, one.line.alert, one.line.severity) == (line.id, "ServiceDown", "critical")
    assert (await stored.state(one)).summary == FORGOTTEN
