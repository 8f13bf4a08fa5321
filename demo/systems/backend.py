"""The backend as it is run: its port, its environment, and how its faults are set."""

from __future__ import annotations

import sys
from pathlib import Path

from demo.parts.http import answers, plain_client
from demo.parts.loopback import LOOPBACK, free_port
from demo.standins.shop import FIRST_KEY
from demo.systems.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
"""The directory that `demo` is imported from."""

MEMORY_LIMIT = 160 * 2**20
"""Bytes. The backend needs about 60 MiB, so that the demo stays small."""

SETTINGS = f"""\
# The backend's settings. It reads them when it starts.
AMAZON_ACCESS_KEY={FIRST_KEY}
PRISMA_DATABASE_URL_POOL_SIZE=5
BACKGROUND_JOBS=0  # each keeps a connection of the pool
"""


class Backend:
    """One backend: where it listens and what it is told. Run by supervisord or by Docker."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.state = directory / "backend-state"
        self.snapshots = self.state / "snapshots"
        self.snapshots.mkdir(parents=True, exist_ok=True)
        self.crash_at_start = self.state / "crash-at-start"
        self.working_set = self.state / "working-set"
        self.version = self.state / "version"
        self.bad_cache = self.state / "bad-cache"
        self.leaks = self.state / "leaks"
        self.health_answer = self.state / "health-answer.json"
        self.load = self.state / "load"
        self.degraded = self.state / "degraded"
        self.closed = self.state / "closed.json"
        self.broken_feature = self.state / "broken-feature"
        self.memory_limit = MEMORY_LIMIT
        self.env_file = directory / "backend.env"
        self.env_file.write_text(SETTINGS)
        self._cluster = cluster

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", "demo.backend"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PORT": str(self.port),
            "DATABASE_URL": self._cluster.url,
            "STATE_DIRECTORY": str(self.state),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    async def is_healthy(self) -> str:
        """Empty when `/health` says healthy; else what it did."""
        return await answers(f"{self.url}/health")

    async def is_degraded(self) -> bool:
        """Whether its degraded mode is on."""
        async with plain_client(3.0) as client:
            return bool((await client.get(f"{self.url}/api/degradation")).json()["degraded"])

    async def inject(self, fault: str) -> None:
        """`POST /faults/NAME`: the fault begins just after the answer."""
        async with plain_client(3.0) as client:
            (await client.post(f"{self.url}/faults/{fault}")).raise_for_status()
