"""A worker and an intake, with a real Prometheus, Alertmanager and Temporal around them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from demo.parts.http import answers
from demo.parts.loopback import LOOPBACK, free_port
from demo.parts.part import ProcessPart
from demo.parts.process import Process
from demo.systems.alertmanager import Alertmanager
from demo.systems.product import Intake, Worker, new_token, product_environment
from tests.parts.product.intake import CONFIGURATION, ROOT, TemporalServer
from tests.parts.requirements import missing

RULES = ROOT / "deploy" / "monitoring" / "product.yml"


class Scraping(ProcessPart):
    """A Prometheus that scrapes the product every second."""

    def __init__(self, directory: Path, targets: dict[str, str]) -> None:
        program = shutil.which("prometheus")
        if program is None:
            missing("Prometheus is not installed: apt-get install prometheus")
        self.url = f"http://{LOOPBACK}:{free_port()}"
        configuration = directory / "prometheus.yml"
        jobs = [
            {"job_name": name, "static_configs": [{"targets": [target]}]} for name, target in targets.items()
        ]
        often = {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"}
        configuration.write_text(yaml.safe_dump({"global": often, "scrape_configs": jobs}))
        argv = [program, f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}"]
        argv += [f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn"]
        self.process = Process("prometheus", argv, directory=directory)

    async def looks_ready(self) -> str:
        return await answers(f"{self.url}/-/ready")


@dataclass
class Watched:
    """The product, and what watches it."""

    temporal: TemporalServer
    worker: Worker
    intake: Intake
    alertmanager: Alertmanager
    prometheus: str
    token: str

    async def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The series of an expression, with their labels."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(f"{self.prometheus}/api/v1/query", params={"query": expression})
        found = answer.json()
        assert found["status"] == "success", (expression, found)
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]

    async def post(self, body: object, token: str | None = None) -> httpx.Response:
        """What Alertmanager would post."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            return await client.post(f"{self.intake.url}/v1/alertmanager", json=body, headers=headers)


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    directory = tmp_path_factory.mktemp("alive")
    temporal, token_file, metrics = (
        TemporalServer(directory),
        new_token(directory),
        f"{LOOPBACK}:{free_port()}",
    )
    environment = product_environment(temporal.address, token_file)
    config = directory / "runbooks.yaml"
    intake = Intake(directory, config=config, environment={**environment, "ANNA_TOKEN": "x" * 20})
    alertmanager = Alertmanager(directory, intake=intake.url, token_file=token_file)
    more = {
        "worker": {"metrics": metrics},
        "systems": {"alertmanager": alertmanager.url},
        "heartbeat": {"every": "1s", "lasts": "2m"},
        "channels": {"told": {"kind": "log"}},
        "broadcast": ["told"],
    }
    config.write_text(f"{CONFIGURATION}\n{yaml.safe_dump(more)}")
    worker = Worker(directory, config=config, environment={**environment, "ANNA_TOKEN": "x" * 20})
    targets = {"runbooks-worker": metrics, "runbooks-intake": intake.url.removeprefix("http://")}
    prometheus = Scraping(directory, targets)
    try:
        await temporal.start()
        async with AsyncExitStack() as stack:
            parts = (alertmanager, prometheus, worker, intake)
            await asyncio.gather(*(stack.enter_async_context(part) for part in parts))
            yield Watched(
                temporal, worker, intake, alertmanager, prometheus.url, token_file.read_text().strip()
            )
    finally:
        await temporal.kill()
