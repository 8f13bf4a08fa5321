"""The rounds of a worker, with a real Temporal: nothing is lost, nothing comes twice, whatever dies."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle

from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.incident.alert import Alert
from models.incident.incident import Phase, Spoken, Through
from models.incident.search_attributes import of_alert
from models.messages import DONE, NOTE
from models.names import TASK_QUEUE, Severity
from models.service.secret import SecretRef
from runtime.alive.gauges import RegistryGauges
from runtime.alive.storing import StoreRounds
from runtime.store.audit import audit
from runtime.store.database import Database, StoreAway
from runtime.store.opening import database_of
from runtime.store.store import IncidentStore
from tests.integration.intake.conftest import temporal
from tests.integration.store.conftest import every
from tests.integration.store.standing_in import stand_ins
from tests.parts.product.intake import ROOT, TemporalServer, until
from tests.parts.servers.postgres_server import PostgresServer
from tests.parts.store.stored import growth_of, state_of

__all__ = ["temporal"]

OFTEN = timedelta(seconds=0.1)
Handle = WorkflowHandle[object, object]


@pytest.fixture(scope="module")
async def client(temporal: TemporalServer) -> AsyncIterator[Client]:
    client = await temporal.client()
    async with stand_ins(client):
        yield client


@pytest.fixture
def configuration(settings: StoreSettings) -> Configuration:
    return Configuration(store=settings)


def rounds_of(client: Client) -> StoreRounds:
    return StoreRounds(client, RegistryGauges(CollectorRegistry(), "worker"), OFTEN)


@asynccontextmanager
async def going(client: Client, configuration: Configuration) -> AsyncIterator[None]:
    """A worker makes its rounds."""
    task = asyncio.create_task(rounds_of(client).run(lambda: configuration))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def fired(client: Client, alert: str = "ServiceDown") -> Handle:
    one = Alert(name=alert, service=f"s-{uuid4().hex[:8]}", starts_at=datetime.now(UTC))
    return await client.start_workflow(
        alert, one, id=one.incident_id, task_queue=TASK_QUEUE,
        search_attributes=of_alert(one, Severity.CRITICAL),
    )  # fmt: skip


async def noted(handle: Handle, *texts: str) -> None:
    for text in texts:
        await handle.signal(NOTE, Spoken(by="anna", through=Through.INTAKE, text=text))


async def lines_of(database: Database, handle: Handle) -> Counter[str]:
    """The words of people that are stored of an incident."""
    ask = (
        "SELECT body FROM runbooks_events e JOIN runbooks_incidents i ON i.run_id = e.run_id "
        "WHERE i.id = $1 AND topic = 'word' ORDER BY sequence"
    )
    try:
        rows = await every(database, ask, handle.id)
    except StoreAway:
        return Counter()
    return Counter(row["body"].partition('"text":"')[2].partition('"')[0] for row in rows)


async def phase_of(database: Database, handle: Handle) -> str:
    with suppress(StoreAway):
        for row in await every(database, "SELECT phase FROM runbooks_incidents WHERE id = $1", handle.id):
            return str(row["phase"])
    return ""


def closed(database: Database, *handles: Handle) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return {await phase_of(database, one) for one in handles} == {Phase.CLOSED.value}

    return look


async def test_what_people_say_is_stored_once_and_no_history_grows_by_it(
    client: Client, configuration: Configuration, database: Database
) -> None:
    handle = await fired(client)
    async with going(client, configuration), going(client, configuration):  # two workers
        await noted(handle, "first", "second")
        await until(lambda: said(database, handle, 2), within=30)
        length = (await handle.describe()).history_length
        await noted(handle, "third")
        await until(lambda: said(database, handle, 3), within=30)
        before_the_end = (await handle.describe()).history_length
        await handle.signal(DONE, Spoken(by="bert", through=Through.COMMAND))
        await until(closed(database, handle), within=30)
    assert before_the_end == length + 4  # the signal, and one workflow task
    assert await lines_of(database, handle) == {"first": 1, "second": 1, "third": 1, "done": 1}
    assert (await audit(database)).ok


async def said(database: Database, handle: Handle, most: int) -> bool:
    return (await lines_of(database, handle)).total() >= most


async def test_the_store_is_away_for_a_while_and_incidents_go_on(
    client: Client, configuration: Configuration, database: Database, request: pytest.FixtureRequest
) -> None:
    open_one, closing = await fired(client), await fired(client)
    async with going(client, configuration):
        await noted(open_one, "before")
        await until(lambda: said(database, open_one, 1), within=30)
        async with away(configuration.store, request):
            await noted(open_one, "meanwhile", "meanwhile")
            new = await fired(client)  # began and ended while nothing was stored
            for one in (closing, new):
                await noted(one, "it is well")
                await one.signal(DONE, Spoken(by="bert", through=Through.COMMAND))
                await one.result()
            with pytest.raises(StoreAway):
                await audit(database)
        await until(closed(database, closing, new), within=30)
        await until(lambda: said(database, open_one, 3), within=30)
    assert await lines_of(database, open_one) == {"before": 1, "meanwhile": 2}
    for one in (closing, new):
        assert await lines_of(database, one) == {"it is well": 1, "done": 1}
    assert (await audit(database)).ok


@asynccontextmanager
async def away(settings: StoreSettings, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The database lets nobody in, or the disk is not there."""
    if settings.file:
        directory = Path(settings.file).parent
        elsewhere = directory.rename(directory.with_name("elsewhere"))
        directory.write_text("no directory")
        yield
        directory.unlink()
        elsewhere.rename(directory)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    assert settings.postgres and settings.postgres.file
    name = (await asyncio.to_thread(Path(settings.postgres.file).read_text)).rpartition("/")[2]
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    yield
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await admin.close()


async def test_a_worker_that_is_killed_within_a_round_loses_nothing(
    temporal: TemporalServer, client: Client, settings: StoreSettings, database: Database, tmp_path: Path
) -> None:
    """It is killed as soon as the store has grown, again and again."""
    handles = [await fired(client) for _ in range(8)]
    for number, handle in enumerate(handles):
        await noted(handle, f"line {number}", "the same", "the same")
    file = tmp_path / "settings.json"
    file.write_text(settings.model_dump_json())
    for _ in range(2):
        before = await events(database)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.parts.store.storing_process", temporal.address, str(file), cwd=ROOT
        )
        await until(partial(grown, database, before), within=60)
        process.kill()
        await process.wait()
        assert (await audit(database)).ok
        for handle in handles:
            await noted(handle, "more")
    async with going(client, Configuration(store=settings)):
        for number, handle in enumerate(handles):
            expected = {f"line {number}": 1, "the same": 2, "more": 2}
            await until(partial(said, database, handle, 5), within=60)
            assert await lines_of(database, handle) == expected
    assert (await audit(database)).ok


async def events(database: Database) -> int:
    with suppress(StoreAway):
        (row,) = await every(database, "SELECT count(*) AS n FROM runbooks_events")
        return int(row["n"])
    return 0


async def grown(database: Database, before: int) -> bool:
    return await events(database) > before


async def test_a_timeline_that_went_through_several_runs_is_stored_as_a_whole(
    client: Client, configuration: Configuration, database: Database
) -> None:
    """Each run passes on the last line alone; nothing was stored before the third."""
    handle = await fired(client, "GoesOn")
    await until(lambda: runs_of(client, handle, 3), within=30)
    async with going(client, configuration):
        await until(lambda: said(database, handle, 6), within=30)
        await handle.signal(DONE, Spoken())
        await until(closed(database, handle), within=30)
    expected = {f"run {run}, line {line}": 1 for run in range(3) for line in range(2)}
    assert await lines_of(database, handle) == expected
    assert len(await every(database, "SELECT 1 AS n FROM runbooks_incidents WHERE id = $1", handle.id)) == 1


async def runs_of(client: Client, handle: Handle, most: int) -> bool:
    return (await client.count_workflows(f"WorkflowId = '{handle.id}'")).count >= most


async def test_one_that_was_terminated_and_one_that_temporal_forgot_are_closed_in_the_store(
    client: Client, configuration: Configuration, database: Database
) -> None:
    terminated, forgotten = await fired(client), await fired(client)
    async with going(client, configuration):
        for one in (terminated, forgotten):
            await noted(one, "seen")
            await until(partial(said, database, one, 1), within=30)
        await terminated.terminate("over")
        async with asyncio.timeout(60):
            await client.workflow_service.delete_workflow_execution(
                DeleteWorkflowExecutionRequest(
                    namespace=client.namespace,
                    workflow_execution=WorkflowExecution(
                        workflow_id=forgotten.id, run_id=forgotten.first_execution_run_id or ""
                    ),
                )
            )
        await until(closed(database, terminated, forgotten), within=30)
    rows = await every(database, "SELECT id, ended FROM runbooks_incidents")
    ended = {row["id"]: row["ended"] for row in rows}
    assert ended[terminated.id] == "terminated"
    assert ended[forgotten.id] in ("terminated", "unknown: Temporal has forgotten it")
    assert (await audit(database)).ok


async def test_a_role_that_may_only_add_stores_and_can_change_nothing(
    client: Client, postgres_server: PostgresServer, app_role: tuple[str, str], tmp_path: Path
) -> None:
    """With the grants of docs/configure.md, word for word; what is past its time then stays."""
    admin = await asyncpg.connect(postgres_server.url())
    name, secret, role = f"store_{uuid4().hex[:8]}", tmp_path / "url", app_role[0]
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        secret.write_text(postgres_server.url(database=name))
        configuration = Configuration(store=StoreSettings(postgres=SecretRef(file=str(secret))))
        database = database_of(configuration)
        store = IncidentStore(database)
        await store.prepare()  # by the owner
        old = datetime.now(UTC) - timedelta(days=900)
        await store.append([growth_of(state_of(phase=Phase.CLOSED), began=old)], old)
        page = await asyncio.to_thread((ROOT / "docs" / "configure.md").read_text)
        grants = re.findall(r"^GRANT .*;$", page, re.MULTILINE)
        async with database.writing() as one:
            for grant in grants:
                await one.run(grant.replace("runbooks_writer", role))
        secret.write_text(postgres_server.url(*app_role, database=name))
        handle = await fired(client)
        await noted(handle, "by the role")
        async with going(client, configuration):
            await until(partial(said, database, handle, 1), within=30)
        for change in ("UPDATE runbooks_events SET at = 'x'", "DELETE FROM runbooks_ledger"):
            with pytest.raises(StoreAway, match="permission denied"):
                async with database.writing() as one:
                    await one.run(change)
        assert len(grants) == 2
        assert (await audit(database)).ok
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
