"""A real Prometheus that scrapes the backend and evaluates the demo's rules every second."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx

import demo.monitoring
from demo.parts.errors import PartError
from demo.parts.http import answers, plain_client
from demo.parts.loopback import LOOPBACK, free_port, program
from demo.parts.part import ProcessPart
from demo.parts.process import Process

RULES = Path(demo.monitoring.__file__).parent / "rules.yml"


class Prometheus(ProcessPart):
    """Prometheus on `url`; `alertmanager` is the URL that its alerts go to, if any.

    With a `past`, it begins with these samples, in the text format of OpenMetrics.
    """

    def __init__(
        self,
        directory: Path,
        *,
        backend: str,
        alertmanager: str | None = None,
        past: Callable[[], str] | None = None,
    ) -> None:
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
        self._past = past
        argv = [program("prometheus", hint="apt-get install prometheus")]
        argv += [f"--config.file={configuration}", f"--storage.tsdb.path={self._data}"]
        argv += [f"--web.listen-address={LOOPBACK}:{port}", "--log.level=warn"]
        argv += ["--storage.tsdb.retention.time=90d"] if past else []
        self.process = Process("prometheus", argv, directory=directory)

    async def start(self) -> None:
        if self._past and not self._data.exists():
            await asyncio.to_thread(self._begin_with, self._past())
        await super().start()

    def _begin_with(self, samples: str) -> None:
        file = self._data.with_suffix(".samples")
        file.write_text(samples)
        # One pass over the samples a block: of a month there would be 360 of the usual two hours.
        argv = [program("promtool", hint="apt-get install prometheus"), "tsdb", "create-blocks-from"]
        argv += ["--max-block-duration=744h", "openmetrics", str(file), str(self._data)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        file.unlink()
        if done.returncode != 0:
            raise PartError(f"promtool could not write the past: {done.stderr.strip()}")

    async def value(self, query: str) -> float | None:
        """The one number of a query; None when there is none, or nobody answers."""
        async with plain_client(3.0) as client:
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
