"""What a real Alertmanager left out of its webhooks: firings and ends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from tests.parts.product.intake import CONFIGURATION, TemporalServer, environment, intake_process, until
from tests.parts.requirements import missing
from tests.parts.servers.sockets import closed_port

SERVICES = 60
MAX_ALERTS = 5
BEGAN = datetime.now(UTC)
ALERTMANAGER = """
route: {{receiver: runbooks, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: runbooks, webhook_configs: [{{url: {url}/v1/alertmanager, max_alerts: {most}}}]}}]
"""


@pytest.fixture
async def alertmanager(temporal: TemporalServer, client: Client, tmp_path: Path) -> AsyncIterator[str]:
    """A real Alertmanager that tells an intake five alerts a group at most, and is asked by it."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        missing("Alertmanager is not installed: apt-get install prometheus-alertmanager")
    url = f"http://127.0.0.1:{closed_port()}"
    config = tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION + f"systems: {{alertmanager: '{url}'}}\n")
    async with intake_process(config, environment(temporal.address)) as intake:
        configuration = tmp_path / "alertmanager.yml"
        configuration.write_text(ALERTMANAGER.format(url=intake.url, most=MAX_ALERTS))
        options = [
            f"--config.file={configuration}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        process = await asyncio.create_subprocess_exec(
            str(program), *options, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            yield url
        finally:
            process.terminate()
            await process.wait()


async def post(url: str, ends_in: timedelta) -> None:
    now = datetime.now(UTC)
    alerts = [
        {
            "labels": {"alertname": "Flood", "service": f"service-{number}"},
            "startsAt": BEGAN.isoformat(),
            "endsAt": (now + ends_in).isoformat(),
        }
        for number in range(SERVICES)
    ]

    async def taken() -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                answer = await http.post(f"{url}/api/v2/alerts", json=alerts)
            except httpx.TransportError:
                return False  # it is not up yet
            return answer.is_success

    await until(taken, within=20)


async def test_alerts_that_a_cut_batch_left_out_begin_and_end(alertmanager: str, client: Client) -> None:
    async def are_open(number: int) -> bool:
        query = "AlertName = 'Flood' AND ExecutionStatus = 'Running'"
        return (await client.count_workflows(query)).count == number

    await post(alertmanager, timedelta(hours=1))
    await until(lambda: are_open(SERVICES), within=60)
    await post(alertmanager, -timedelta(seconds=1))
    await until(lambda: are_open(0), within=60)
