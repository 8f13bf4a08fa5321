"""`kill -9` in the middle of a storm, five times: what was accepted is there, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from demo.parts.part import ProcessPart
from demo.parts.waiting import until
from demo.systems.product import Intake, OneProcess, Worker, new_token, product_environment
from demo.systems.temporal import Temporal
from tests.parts.product.intake import alert, webhook

KILLS = 5
INCIDENTS = 8
"""New ones in each round; those of the rounds before are repeated."""
SENDERS = 4
Said = tuple[str, str, str]
"""Incident, instance and status."""


class Storm:
    """Sends like Alertmanager, again and again until it is accepted, and remembers what was."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.accepted: set[Said] = set()
        self.batches = 0

    async def send(self, batches: Sequence[list[dict[str, Any]]]) -> None:
        waiting = iter(batches)

        async def carry() -> None:
            for batch in waiting:
                await until("accepted", partial(self._not_accepted, batch), within=60)
                self.batches += 1

        await asyncio.gather(*(carry() for _ in range(SENDERS)))

    async def _not_accepted(self, batch: list[dict[str, Any]]) -> str:
        try:
            answer = await self.http.post("/v1/alertmanager", json=webhook(*batch))
        except httpx.TransportError as error:
            return repr(error)
        if answer.status_code == 200:
            assert len(answer.json()["taken"]) == len(batch), answer.text
            self.accepted |= {(_incident(one), one["fingerprint"], one["status"]) for one in batch}
        else:
            assert answer.status_code == 503, answer.text
        return "" if answer.status_code == 200 else answer.text


def _incident(one: dict[str, Any]) -> str:
    return f"{one['labels']['alertname']}/backend"


def instance(name: str, which: str, status: str = "firing") -> dict[str, Any]:
    ends_at = "2026-01-05T04:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    labels = {"alertname": name, "instance": which}
    return alert(labels=labels, fingerprint=which, status=status, endsAt=ends_at)


def a_round(number: int) -> list[list[dict[str, Any]]]:
    """New incidents of two instances, of which one then ends; and repeats of all before."""
    names = [f"Storm{number}_{place}" for place in range(INCIDENTS)]
    before = [f"Storm{earlier}_{place}" for earlier in range(number) for place in range(INCIDENTS)]
    return [
        *([instance(name, "a")] for name in names),
        *([instance(name, "b")] for name in before),
        *([instance(name, "a", "resolved"), instance(name, "b")] for name in names),
    ]


@pytest.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[Temporal]:
    async with Temporal(tmp_path) as temporal:
        yield temporal


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Every alert goes to `AnyAlert`, which stays open for a person."""
    manager = {"kind": "supervisord", "program": "backend", "socket": str(tmp_path / "none.sock")}
    content = {
        "services": {"backend": {"manager": manager}},
        "escalation": {"any-alert": ["on-call"]},
        "contacts": {"on-call": ["log"]},
        "channels": {"log": {"kind": "log"}},
        "directories": {"state": str(tmp_path / "state"), "reviews": str(tmp_path / "reviews")},
    }
    path = tmp_path / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


async def heard(client: Client, incident: str) -> set[Said]:
    """All that the incident's run was started with, or told."""
    history = await client.get_workflow_handle(incident).fetch_history()
    payloads = [
        payload
        for event in history.events
        for payload in (
            *event.workflow_execution_started_event_attributes.input.payloads,
            *event.workflow_execution_signaled_event_attributes.input.payloads,
        )
    ]
    alerts = [json.loads(payload.data) for payload in payloads]
    return {(incident, one["fingerprint"], one["status"]) for one in alerts if "fingerprint" in one}


@pytest.mark.fault
@pytest.mark.parametrize("victim", ["worker", "intake", "one process"])
async def test_killed_five_times_in_a_storm(
    victim: str, temporal: Temporal, config: Path, tmp_path: Path
) -> None:
    token = new_token(tmp_path)
    environment = product_environment(temporal.address, token)
    one_process = victim == "one process"
    kind = OneProcess if one_process else Intake
    intake = kind(tmp_path, config=config, environment=environment)
    worker = Worker(tmp_path, config=config, environment=environment)
    killed: ProcessPart = worker if victim == "worker" else intake
    client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
    async with AsyncExitStack() as stack:
        for part in (intake,) if one_process else (worker, intake):
            await stack.enter_async_context(part)
        headers = {"authorization": f"Bearer {token.read_text().strip()}"}
        http = httpx.AsyncClient(base_url=intake.url, headers=headers, timeout=20, trust_env=False)
        storm = Storm(await stack.enter_async_context(http))
        for number in range(KILLS):
            await kill_in_the_middle(storm, a_round(number), killed)
        names = [f"Storm{number}_{place}/backend" for number in range(KILLS) for place in range(INCIDENTS)]
        expected = {(name, which, status) for name in names for which, status in ENDINGS}
        assert storm.accepted == expected

        async def missing() -> str:
            found = [await heard(client, name) for name in names]
            lost = storm.accepted - set().union(*found)
            return f"{len(lost)} are lost, such as {min(lost)}" if lost else ""

        await until("all that was accepted", missing, within=60)

        async def runs() -> str:
            count = (await client.count_workflows("WorkflowType = 'AnyAlert'")).count
            return "" if count == len(names) else f"{count} runs for {len(names)} incidents"

        await until("one run an incident", runs, within=30)


ENDINGS = (("a", "firing"), ("a", "resolved"), ("b", "firing"))


async def kill_in_the_middle(storm: Storm, batches: list[list[dict[str, Any]]], victim: ProcessPart) -> None:
    """`kill -9` when a third of the batches was accepted; back again while the rest is being sent."""
    end = storm.batches + len(batches)
    sending = asyncio.create_task(storm.send(batches))

    async def under_way() -> str:
        return (
            "" if storm.batches >= end - 2 * len(batches) // 3 else f"{end - storm.batches} batches are left"
        )

    await until("the middle of the storm", under_way, within=60)
    await victim.kill()
    await victim.start()
    await asyncio.wait_for(sending, 120)
