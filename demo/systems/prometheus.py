"""A real Prometheus that scrapes the backend and evaluates the demo's rules every second."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from pathlib import Path

import httpx

import demo.monitoring
from demo.parts.http import answers
from demo.parts.loopback import LOOPBACK, free_port, program
from demo.parts.part import ProcessPart
from demo.parts.process import Process

RULES = Path(demo.monitoring.__file__).parent / "rules.yml"


class Prometheus(ProcessPart):
    """Prometheus on `url`; `alertmanager` is the URL that its alerts go to, if any."""

    def __init__(self, directory: Path, *, backend: str, alertmanager: str | None = None) -> None:
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        rules = directory / "rules.yml"
        shutil.copyfile(RULES, rules)
        configuration = directory / "prometheus.yml"
        configuration.write_text(
            demo.monitoring.render(
                "prometheus.yml",
                rules=json.dumps(str(rules)),
                backend=backend.removeprefix("http://"),
                alertmanagers=json.dumps(alertmanager.removeprefix("http://")) if alertmanager else "",
            )
        )
        self._data = directory / "prometheus-data"
        argv = [program("prometheus", hint="apt-get install prometheus")]
        argv += [f"--config.file={configuration}", f"--storage.tsdb.path={self._data}"]
        argv += [f"--web.listen-address={LOOPBACK}:{port}", "--log.level=warn"]
        self.process = Process("prometheus", argv, directory=directory)

    async def value(self, query: str) -> float | None:
        """The one number of a query; None when there is none, or nobody answers."""
        async with httpx.AsyncClient(timeout=3.0, trust_env=False) as client:
            try:
                answer = await client.get(f"{self.url}/api/v1/query", params={"query": query})
                found = answer.json()["data"]["result"]
            except httpx.HTTPError:
                return None
        number = float(found[0]["value"][1]) if found else math.nan
        return number if math.isfinite(number) else None

    async def forget(self) -> None:
        """End it with all that it knows; the next start begins with the first sample."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self._data, ignore_errors=True)

    async def looks_ready(self) -> str:
        return await answers(f"{self.url}/-/ready")
