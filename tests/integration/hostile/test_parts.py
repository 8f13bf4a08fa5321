"""A server that answers a worker with a million empty objects does not grow it: one bound for all readers."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.integration.hostile.test_answers import sending
from tests.parts.servers.sockets import listening

MOST_MEMORY = 105 * 2**20
"""Of a process that has loaded 65 MiB of code. A whole worker loads 155, and so stays under 200. What is sent
would take a GiB."""

READS = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
import httpx
from activities.active_alerts.listed import listed
from activities.app.answers import ApiAnswer
from activities.app.api import AppApi
from activities.grafana.dashboards import Grafana
from activities.monitoring.metrics import QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.sentry import SentryActivities, TopIssues
from models.configuration.grafana import DashboardBackup
from models.service.application import ApplicationApi
from models.service.service import DockerManager, Service
from models.service.surroundings import Sentry

WITHIN = timedelta(seconds=60)

async def read(http, reader, url):
    query = QueryMetric(url=url, query="up", within=WITHIN)
    if reader == "eight metrics":
        seen = await asyncio.gather(*(Prometheus(http).query_metric(query) for _ in range(8)))
        return seen[0].reason
    if reader in ("metric", "series"):
        return (await Prometheus(http).query_metric(query)).reason
    if reader == "rules":
        return str(await Prometheus(http).told(query, "rules"))
    if reader == "alerts":
        return str(await listed(http, url))
    if reader == "dashboards":
        backup = DashboardBackup(url=url, token={"file": "token"}, repository="/nowhere")
        return str(await Grafana(http).export(backup, "t", Path(".")))
    sentry = Sentry(url=url, organization="o", project="p", token={"file": "token"})
    api = ApplicationApi(url=url, timeout="6s")
    service = Service(name="backend", manager=DockerManager(container="b"), sentry=sentry, api=api)
    if reader == "issues":
        asked = TopIssues(service=service, within=WITHIN)
        return str(await SentryActivities(http).issues(sentry, asked, "t", "is:unresolved"))
    return str(await AppApi(http).get(service, "last_sync", ApiAnswer))

async def main():
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            print(await read(http, sys.argv[1], sys.argv[2]))
        except Exception as error:
            print(error)
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")))

asyncio.run(main())
"""

MANY = b"{}," * 1_390_000 + b"{}]"
ANSWERS = {
    "metric": b'{"status":"success","data":{"resultType":"vector","result":[' + MANY + b"}}",
    "series": b'{"status":"success","data":{"resultType":"vector","result":[' + b"{}," * 240_000 + b"{}]}}",
    "rules": b'{"status":"success","data":[' + MANY + b"}",
    "alerts": b"[" + MANY,
    "dashboards": b"[" + MANY,
    "issues": b"[" + b"{}," * 690_000 + b"{}]",
    "application": b"[" + b"{}," * 349_000 + b"{}]",
}
"""As large as each of them reads."""


@pytest.mark.parametrize("reader", ANSWERS)
async def test_an_answer_of_a_million_parts_is_left_by_every_reader(reader: str) -> None:
    async with listening(sending(ANSWERS[reader])) as port, asyncio.timeout(120):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", READS, reader, f"http://127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
    reason, memory = said.decode().splitlines()
    assert "too many parts" in reason
    assert int(memory) < MOST_MEMORY


NUMBER = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"'
SAMPLES = b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":['
AT_ONCE = {
    "incomplete (size)": NUMBER + b"9" * (4 * 2**20 - 200) + b'"]}]}}',
    "too many parts": SAMPLES + b'[1,"1"],' * 120_000 + b'[1,"1"]]}]}}',
}
"""A number without an end, and samples without an end, by why they are left."""


@pytest.mark.parametrize("why", AT_ONCE)
async def test_eight_looks_at_once_at_what_has_no_end_take_little(why: str) -> None:
    async with listening(sending(AT_ONCE[why])) as port, asyncio.timeout(120):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            READS,
            "eight metrics",
            f"http://127.0.0.1:{port}",
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    reason, memory = said.decode().splitlines()
    assert why in reason
    assert int(memory) < MOST_MEMORY
