"""Real containers: the machine's own Python inside an empty image, so that no registry is needed."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from models.service import service as configured
from models.service.service import Service
from tests.parts.requirements import missing

PYTHON = str(Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}"))
_MOUNTED = [path for path in ("/usr", "/lib", "/lib64", "/bin", sys.base_prefix) if Path(path).exists()]
BINDS = [f"{path}:{path}:ro" for path in dict.fromkeys(_MOUNTED)]
_DIRECTORIES = ("tmp", "proc", "dev", "etc", *(path.strip("/") for path in _MOUNTED))

SLEEPS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("up", flush=True)
time.sleep(600)
"""

MakeContainer = Callable[..., Container]


def docker_service(container: str | None, **more: Any) -> Service:
    """A configured service in the container of this name."""
    manager = configured.DockerManager.model_validate({"container": container, "stop_timeout": "3s"})
    return Service(name="backend", manager=manager, **more)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """The engine of this machine."""
    try:
        client = docker.from_env(timeout=30)
    except DockerException as error:
        missing(f"no Docker engine answers: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(docker_client: docker.DockerClient) -> Iterator[str]:
    """An image of empty directories; what runs in it is mounted."""
    name = f"runbooks-test:{uuid.uuid4().hex[:8]}"
    import_image(docker_client, name)
    yield name
    with suppress(NotFound):
        docker_client.images.remove(name, force=True)


def import_image(client: docker.DockerClient, name: str) -> None:
    """Make the image of empty directories."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for directory in sorted({str(part) for path in _DIRECTORIES for part in (path, *_parents(path))}):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
    repository, _, tag = name.partition(":")
    said = client.api.import_image_from_data(archive.getvalue(), repository=repository, tag=tag)
    # Podman imports it without its name.
    client.api.tag(str(json.loads(said.strip().splitlines()[-1])["status"]).strip(), repository, tag)


def _parents(path: str) -> list[str]:
    parents = [str(parent) for parent in Path(path).parents]
    return [parent for parent in parents if parent != "."]


@pytest.fixture
def make_container(docker_client: docker.DockerClient, image: str) -> Iterator[MakeContainer]:
    """Start containers that run a line of Python; they are removed after the test."""
    made: list[Container] = []

    def make(code: str = SLEEPS, **options: Any) -> Container:
        name = options.pop("name", f"runbooks-test-{uuid.uuid4().hex[:10]}")
        container = docker_client.containers.create(
            image, [PYTHON, "-c", code], name=name, volumes=BINDS, **options
        )
        made.append(container)
        container.start()
        if code == SLEEPS:
            wait_for_line(container, b"up")
        return container

    yield make
    for container in made:
        with suppress(NotFound):
            container.remove(force=True)


def wait_for(container: Container, *states: str, within: float = 15.0) -> None:
    """Until the engine reports one of these states."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        container.reload()
        if container.status in states:
            return
        time.sleep(0.05)
    raise AssertionError(f"{container.name} is {container.status}, not {' or '.join(states)}")


def wait_for_line(container: Container, text: bytes, within: float = 15.0) -> None:
    """Until the container has said this."""
    until = time.monotonic() + within
    while text not in container.logs():
        assert time.monotonic() < until, f"{container.name} never said {text!r}"
        time.sleep(0.02)


def published(container: Container) -> int:
    """The port of the host behind port 8080 of the container."""
    container.reload()
    binding = container.ports["8080/tcp"]
    assert binding
    return int(binding[0]["HostPort"])


def compose_binary() -> str:
    """The Compose program beside this Python."""
    beside = Path(sys.executable).with_name("docker-compose")
    if not beside.exists():
        missing("docker-compose is not installed")
    return os.fspath(beside)
