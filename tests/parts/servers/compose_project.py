"""A real Compose project in a directory of its own, with the services that a test asks for."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from models.service.service import Service
from tests.parts.servers.docker_engine import BINDS, PYTHON, SLEEPS, compose_binary, docker_service


@dataclass(frozen=True)
class Project:
    """Its name, its directory, and the engine that it runs on."""

    name: str
    directory: Path
    image: str
    client: docker.DockerClient

    @property
    def network(self) -> str:
        """The network that Compose makes for all of its services."""
        return f"{self.name}_default"

    def describe(self, services: dict[str, dict[str, Any]], **more: Any) -> None:
        common = {"image": self.image, "command": [PYTHON, "-c", SLEEPS], "volumes": BINDS, "init": True}
        described = {name: {**common, **service} for name, service in services.items()}
        text = json.dumps({"name": self.name, "services": described, **more})
        self._file.write_text(text)

    def up(self, services: dict[str, dict[str, Any]], **more: Any) -> None:
        self.describe(services, **more)
        self.compose("up", "-d")

    def compose(self, *arguments: str) -> None:
        command = [compose_binary(), "-f", str(self._file), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def container(self, service: str) -> Container:
        return self.client.containers.get(f"{self.name}-{service}-1")

    def service(self, name: str, **more: Any) -> Service:
        """The product's service in this container."""
        return docker_service(f"{self.name}-{name}-1", **more).model_copy(update={"name": name})

    @property
    def _file(self) -> Path:
        return self.directory / "docker-compose.yml"


@contextmanager
def compose_project(client: docker.DockerClient, image: str, directory: Path) -> Iterator[Project]:
    """A project that is gone with all its containers and networks after the block."""
    project = Project(f"rb{uuid.uuid4().hex[:8]}", directory, image, client)
    project.describe({"nothing": {}})
    try:
        yield project
    finally:
        project.compose("down", "--timeout", "0", "--remove-orphans")
