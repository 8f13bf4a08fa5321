"""One alert that Temporal does not take, among others that it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.incident.search_attributes import ALL
from tests.parts.product.intake import (
    BIN,
    CONFIGURATION,
    Intake,
    TemporalServer,
    alert,
    environment,
    intake_process,
    until,
    webhook,
)

LIMITS = ("limit.blobSize.warn=20000", "limit.blobSize.error=30000")
NARROW = tuple(word for limit in LIMITS for word in ("--dynamic-config-value", limit))
KNOWN = tuple(word for key in ALL for word in ("--search-attribute", f"{key.name}=Keyword"))


class OddTemporal(TemporalServer):
    """A Temporal that is started as no other test wants it."""

    async def start(self, *options: str) -> Client:
        """The server with these options; no search attribute is known unless they name it."""
        self._process = await asyncio.create_subprocess_exec(
            str(BIN / "temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1",
            "--port", str(self.port), "--log-level", "never", *options,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

        async def ready() -> Client | None:
            try:
                return await Client.connect(self.address, data_converter=pydantic_data_converter)
            except RuntimeError:
                return None

        client: Client = await until(ready, within=20)
        return client


@asynccontextmanager
async def intake_before(directory: Path, *options: str) -> AsyncIterator[tuple[Intake, httpx.AsyncClient]]:
    """An intake in front of a Temporal with these options, and a client that speaks to it."""
    config = directory / "runbooks.yaml"
    config.write_text(CONFIGURATION)
    temporal = OddTemporal(directory)
    try:
        await temporal.start(*options)
        async with (
            intake_process(config, environment(temporal.address)) as intake,
            httpx.AsyncClient(base_url=intake.url, timeout=30, trust_env=False) as http,
        ):
            yield intake, http
    finally:
        await temporal.kill()


def poison() -> dict[str, Any]:
    notes = {f"note_{number}": "x" * 10_000 for number in range(6)}
    return alert(labels={"alertname": "Poison"}, annotations=notes)


async def test_an_alert_that_temporal_does_not_take_is_refused_and_the_others_start(tmp_path: Path) -> None:
    good = [alert(labels={"alertname": f"Good{number}"}) for number in range(12)]
    async with intake_before(tmp_path, *KNOWN, *NARROW) as (intake, http):
        answer = await http.post("/v1/alertmanager", json=webhook(poison(), *good))
        body = answer.json()
        assert answer.status_code == 200, body
        assert [one["index"] for one in body["taken"]] == list(range(1, 13))
        assert {one["taken"] for one in body["taken"]} == {"started"}
        assert [one["index"] for one in body["refused"]] == [0]
        assert "Blob data size exceeds limit" in body["refused"][0]["reason"]

        alone = await http.post("/v1/alertmanager", json=webhook(poison()))
        assert alone.status_code == 422, "sent again it would be refused again"
        assert alone.json()["refused"][0]["index"] == 0

        async def logged() -> list[dict[str, Any]]:
            lines = [json.loads(line) for line in intake.log]
            return [line for line in lines if line["event"] == "alert refused"]

        first = (await until(logged))[0]
        assert first["incident"] == "Poison/backend"
        assert "Blob data size exceeds limit" in first["reason"]
        assert "runbooks_alerts_refused_total 2.0" in (await http.get("/metrics")).text


async def test_what_a_worker_will_cure_is_no_fault_of_the_alert(tmp_path: Path) -> None:
    """Temporal answers INVALID_ARGUMENT too while nobody has registered the search attributes."""
    async with intake_before(tmp_path) as (_, http):
        answer = await http.post("/v1/alertmanager", json=webhook(alert()))
    assert answer.status_code == 503, answer.text
    assert "search attribute" in answer.text


@pytest.mark.parametrize("count", [1, 13])
async def test_a_batch_of_large_alerts_is_taken(tmp_path: Path, count: int) -> None:
    """As a rule that attaches whole logs writes them: more than Temporal takes of one value."""
    large = {f"note_{number}": "é" * 16_384 for number in range(64)}
    good = [alert(labels={"alertname": f"Good{number}"}) for number in range(count - 1)]
    async with intake_before(tmp_path, *KNOWN) as (_, http):
        answer = await http.post(
            "/v1/alertmanager",
            content=json.dumps(webhook(alert(annotations=large), *good), ensure_ascii=False).encode(),
            headers={"content-type": "application/json"},
        )
    assert answer.status_code == 200, answer.text
    assert [one["taken"] for one in answer.json()["taken"]] == ["started"] * count
