"""What the intake says of an incident that cannot answer, and of an Alertmanager that cannot be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from tests.parts.product.intake import (
    TemporalServer,
    alert,
    environment,
    intake_process,
    webhook,
)

QUEUE = "odd-runs"


# The sandbox would load this module again, and with it an HTTP server that it refuses.
@workflow.defn(name="Unanswering", sandboxed=False)
class Unanswering:
    """A run that is open and whose state cannot be told."""

    @workflow.run
    async def run(self, broken: bool) -> None:
        if broken:
            raise RuntimeError("a mistake that fails the task, not the run")
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def state(self) -> str:
        raise ValueError("the timeline is torn")


@pytest.fixture(scope="module", autouse=True)
async def unanswering(client: Client) -> AsyncIterator[None]:
    async with Worker(client, task_queue=QUEUE, workflows=[Unanswering]):
        yield


@pytest.fixture(scope="module")
async def http(temporal: TemporalServer, client: Client, config: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        intake_process(config, environment(temporal.address)) as intake,
        httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as http,
    ):
        yield http


async def until_told(http: httpx.AsyncClient, incident: str, words: str) -> httpx.Response:
    """The answer once it has these words: at first a run has not even begun."""
    async with asyncio.timeout(40):
        while words not in (answer := await http.get(f"/incidents/{incident}")).text:
            assert answer.status_code == 503, answer.text
    return answer


async def test_an_open_run_whose_query_fails_is_503_with_the_reason(
    http: httpx.AsyncClient, client: Client
) -> None:
    await client.start_workflow("Unanswering", False, id="Torn/backend", task_queue=QUEUE)
    answer = await http.get("/incidents/Torn/backend")
    assert answer.status_code == 503, answer.text
    assert "Torn/backend cannot answer now: the timeline is torn" in answer.json()["error"]


async def test_an_open_run_that_stands_still_is_503_with_the_reason(
    http: httpx.AsyncClient, client: Client
) -> None:
    await client.start_workflow("Unanswering", True, id="Stuck/backend", task_queue=QUEUE)
    answer = await until_told(http, "Stuck/backend", "cannot answer now")
    assert answer.status_code == 503


async def test_a_run_without_a_worker_is_503(http: httpx.AsyncClient, client: Client) -> None:
    await client.start_workflow("Unanswering", False, id="Lonely/backend", task_queue="nobody-listens")
    answer = await http.get("/incidents/Lonely/backend")
    assert answer.status_code == 503
    assert "no worker answered in time" in answer.json()["error"]


@pytest.mark.parametrize("service", ["backend", "namespace-keeper"])
async def test_what_never_was_is_404_and_its_end_is_taken(http: httpx.AsyncClient, service: str) -> None:
    """Temporal repeats the name in its answer, and a missing namespace has an answer of its own."""
    answer = await http.get(f"/incidents/Nothing/{service}")
    assert answer.status_code == 404, answer.text
    over = alert(status="resolved", labels={"alertname": "Nothing", "service": service})
    taken = await http.post("/v1/alertmanager", json=webhook(over))
    assert (taken.status_code, taken.json()["taken"][0]["taken"]) == (200, "nothing open")


async def test_the_same_wrong_clock_fires_once(http: httpx.AsyncClient, client: Client) -> None:
    tomorrow = datetime.now(UTC).replace(year=2999).isoformat()
    one = alert(labels={"alertname": "Ahead"}, startsAt=tomorrow)
    answers = [await http.post("/v1/alertmanager", json=webhook(one)) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    handle = client.get_workflow_handle("Ahead/backend")
    heard = [
        payload
        async for event in handle.fetch_history_events()
        for payload in (
            *event.workflow_execution_started_event_attributes.input.payloads,
            *event.workflow_execution_signaled_event_attributes.input.payloads,
        )
    ]
    assert len(heard) == 1, "a substitute that stays the same is a repeat that changes nothing"
