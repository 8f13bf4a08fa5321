"""What the intake tells an open incident, and what it need not tell again. Temporal is real."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from intake.alerts.delivered import BELIEVED
from tests.parts.product.intake import (
    TemporalServer,
    alert,
    environment,
    intake_process,
    until,
    webhook,
)

NUMBERS = count()


@pytest.fixture(scope="module")
async def http(temporal: TemporalServer, client: Client, config: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        intake_process(config, environment(temporal.address)) as intake,
        httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as http,
    ):
        yield http


@pytest.fixture
def name() -> str:
    return f"Repeated{next(NUMBERS)}"


def instance(name: str, which: str, **changes: Any) -> dict[str, Any]:
    """One of several alerts of an incident."""
    return alert(labels={"alertname": name, "instance": which}, fingerprint=which, **changes)


async def post(http: httpx.AsyncClient, *alerts: Any) -> list[str]:
    answer = await http.post("/v1/alertmanager", json=webhook(*alerts))
    assert answer.status_code == 200, answer.text
    return [one["taken"] for one in answer.json()["taken"]]


async def heard(client: Client, name: str) -> list[list[tuple[str, str]]]:
    """Every signal that the incident's run has, each with its alerts: instance and status."""
    history = await client.get_workflow_handle(f"{name}/backend").fetch_history()
    signals = [
        event.workflow_execution_signaled_event_attributes.input.payloads
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    told = [[json.loads(payload.data) for payload in payloads] for payloads in signals]
    return [[(one["fingerprint"], one["status"]) for one in some] for some in told]


async def run_id(client: Client, name: str) -> str:
    return (await client.get_workflow_handle(f"{name}/backend").describe()).run_id or ""


async def test_a_repeat_that_changes_nothing_adds_nothing_however_long_it_repeats(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    one = instance(name, "a")
    assert await post(http, one) == ["started"]
    end = time.monotonic() + 1.5 * BELIEVED.total_seconds()
    while time.monotonic() < end:
        assert await post(http, one, instance(name, "a", endsAt="2026-01-05T04:00:00Z")) == ["told", "told"]
    assert await heard(client, name) == []


async def test_what_changed_is_told(http: httpx.AsyncClient, client: Client, name: str) -> None:
    await post(http, instance(name, "a"))
    worse = instance(name, "a", annotations={"summary": "half of all requests fail"})
    assert await post(http, worse) == ["told"]
    assert await post(http, worse) == ["told"]
    assert await post(http, instance(name, "a", startsAt="2026-01-05T04:00:00Z")) == ["told"]
    twice = [[("a", "firing")]] * 2

    async def heard_twice() -> bool:  # a signal that meets a workflow task is seen once that is over
        return await heard(client, name) == twice

    assert await until(heard_twice)


async def test_a_batch_is_one_signal_and_says_what_fires_before_what_is_over(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    await post(http, instance(name, "a"))
    over = instance(name, "a", status="resolved", endsAt="2026-01-05T04:00:00Z")
    batch = [over, instance(name, "b"), instance(name, "a"), instance(name, "c")]
    assert await post(http, *batch) == ["told"] * 4
    told = await until(lambda: heard(client, name))  # not in the history while a task is under way
    assert told == [[("b", "firing"), ("c", "firing"), ("a", "resolved")]]


async def test_a_new_incident_hears_of_all_its_instances(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    assert await post(http, *(instance(name, which) for which in "abc")) == ["started", "told", "told"]
    told = await until(lambda: heard(client, name))  # not in the history while a task is under way
    assert told == [[("b", "firing"), ("c", "firing")]]


async def test_what_fires_again_after_its_end_is_told(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    """The stand-in ends with the first end that it hears: so another run has to hear of it."""
    await post(http, instance(name, "a"))
    first = await run_id(client, name)
    await post(http, instance(name, "a", status="resolved"))
    await client.get_workflow_handle(f"{name}/backend", run_id=first).result()
    assert await post(http, instance(name, "a")) == ["started"]


async def test_a_repeat_that_meets_the_end_of_its_run_is_not_lost(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    one = instance(name, "a")
    await post(http, one)
    first = await run_id(client, name)
    await client.get_workflow_handle(f"{name}/backend").terminate("by a person")
    assert await post(http, one) in (["told"], ["started"])

    async def another() -> bool:
        return await run_id(client, name) != first

    await until(another, within=5 * BELIEVED.total_seconds())


async def test_what_was_answered_without_a_call_is_settled_before_the_intake_ends(
    temporal: TemporalServer, client: Client, config: Path, name: str
) -> None:
    one = instance(name, "a")
    async with (
        intake_process(config, environment(temporal.address)) as intake,
        httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as local,
    ):
        await post(local, one)
        first = await run_id(client, name)
        await client.get_workflow_handle(f"{name}/backend").terminate("by a person")
        await post(local, one)
    assert await run_id(client, name) != first


async def test_another_intake_finds_the_open_run(
    http: httpx.AsyncClient, temporal: TemporalServer, client: Client, config: Path, name: str
) -> None:
    """Its memory is its own: it tells each alert once."""
    one = instance(name, "a")
    await post(http, one)
    async with (
        intake_process(config, environment(temporal.address)) as intake,
        httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as local,
    ):
        assert [await post(local, one) for _ in range(3)] == [["told"]] * 3
    assert await heard(client, name) == [[("a", "firing")]]


async def test_alerts_that_come_together_share_calls(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    answers = await asyncio.gather(*(post(http, instance(name, str(number))) for number in range(60)))
    assert len(answers) == 60

    async def all_told() -> list[list[tuple[str, str]]] | None:
        told = await heard(client, name)
        return told if sum(map(len, told)) == 59 else None

    told = await until(all_told)
    assert len(told) < 30, "alerts that wait for the same incident must share one signal"


async def test_a_workflow_of_somebody_else_with_the_incidents_id_takes_no_alert(
    http: httpx.AsyncClient, client: Client, name: str
) -> None:
    stranger = await client.start_workflow("SomebodyElses", id=f"{name}/backend", task_queue="elsewhere")
    other = f"{name}Too"
    answer = await http.post(
        "/v1/alertmanager", json=webhook(instance(name, "a"), alert(labels={"alertname": other}))
    )
    assert answer.status_code == 503
    assert f"{name}/backend is the ID of a workflow SomebodyElses, which is no runbook" in answer.text
    assert await heard(client, name) == []
    assert await run_id(client, other), "the others of the batch have their incidents"
    await stranger.terminate()
    assert await post(http, instance(name, "a")) == ["started"]
