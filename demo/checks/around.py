"""What the checks look at beside the services: backups by pg_dump, and Grafana with its git repository."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from demo.checks import history
from demo.observed import WINDOW
from demo.parts.errors import NotInstalledError, PartError
from demo.parts.loopback import is_installed
from demo.parts.part import Part
from demo.parts.postgres_programs import postgres_program
from demo.systems.postgres import Cluster
from demo.systems.services import BACKEND, POSTGRES
from demo.systems.surroundings import Standin

BACKUPS = 4
DAY = 24 * 3600
_WITHIN = 60
"""Seconds for one program."""


def with_a_past(keys: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the observed backend, with windows that hold the samples of its past."""
    metrics = _replaced(keys["metrics"], f"[{WINDOW}]", "[15m]") | {"window": "15m"}
    costs = {**keys["costs"], "budget": history.BUDGET, "per": "1d", "pace_over": "6h"}
    return {**keys, "metrics": metrics, "costs": costs}


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(one, old, new) for key, one in value.items()}
    return value.replace(old, new) if isinstance(value, str) else value


class CheckSurroundings(Part):
    """One for each stack that runs checks; enter it when PostgreSQL runs."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        self._cluster = cluster
        self.backups = directory / "backups"
        self.remote = directory / "dashboards.git"
        self.repository = directory / "dashboards"
        self._token = directory / "grafana-token"
        self.grafana = Standin("grafana", directory, str(self._token))

    async def start(self) -> None:
        self._token.touch(mode=0o600)
        self._token.write_text(f"glsa_{secrets.token_hex(20)}")
        async with asyncio.TaskGroup() as together:
            together.create_task(asyncio.to_thread(self._prepare))
            together.create_task(self._fill_grafana())

    async def stop(self) -> None:
        await self.grafana.stop()

    async def change_dashboard(self, panels: int) -> None:
        """Save the dashboard of the backend with so many panels, as a person does."""
        dashboard = {"uid": "backend", "title": "Backend", "panels": [{"id": one} for one in range(panels)]}
        headers = {"Authorization": f"Bearer {self._token.read_text()}"}
        async with httpx.AsyncClient(base_url=self.grafana.url, headers=headers, trust_env=False) as client:
            saved = await client.post("/api/dashboards/db", json={"dashboard": dashboard, "overwrite": True})
            saved.raise_for_status()

    async def _fill_grafana(self) -> None:
        await self.grafana.start()
        await self.change_dashboard(panels=1)

    def configuration(self) -> dict[str, Any]:
        """The part `checks` of `runbooks.yaml`."""
        backup = {
            "name": "affiliate",
            "directory": str(self.backups),
            "pattern": "*.dump",
            "settle": "0s",
            "pg_restore": postgres_program("pg_restore"),
        }
        forecasts = {
            "databases": {POSTGRES: {"limit": history.SIZE_LIMIT}},
            "videos": {BACKEND: {"made": "sum(increase(videos_made_total[$window]))", "at_most": 80}},
        }
        grafana = {
            "url": self.grafana.url,
            "token": {"file": str(self._token)},
            "repository": str(self.repository),
            "remote": "origin",
        }
        return {"backups": [backup], "grafana": grafana, "monthly": {"forecasts": forecasts}}

    def newest_backup(self) -> Path:
        return self.backups / f"affiliate-{BACKUPS}.dump"

    def _prepare(self) -> None:
        """A backup of each of the last days, and an empty repository with its bare remote."""
        self.backups.mkdir(exist_ok=True)
        for number in range(1, BACKUPS + 1):
            path = self.backups / f"affiliate-{number}.dump"
            _run(
                postgres_program("pg_dump"), "--format=custom", f"--file={path}", self._cluster.superuser_url
            )
            made_at = time.time() - (BACKUPS - number) * DAY - 60
            os.utime(path, (made_at, made_at))
        if not is_installed("git"):
            raise NotInstalledError("git is not installed: apt-get install git")
        _run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        _run("git", "clone", "--quiet", str(self.remote), str(self.repository))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_WITHIN, check=False)
    if done.returncode != 0:
        raise PartError(f"{Path(argv[0]).name} failed: {done.stderr.strip()}")
