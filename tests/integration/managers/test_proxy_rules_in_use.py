"""The rules of docker-compose.yml, put to use: everything that the product does, with nothing refused."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from activities.managers import DockerEngine, ManagerRefused, Managers, ServiceManager
from activities.managers.process_seen import ProcessState
from models.service.service import ScalePolicy, Service
from models.version import Version
from tests.parts.product.production import FILE, RECREATE, rules_of
from tests.parts.servers.docker_engine import (
    BINDS,
    PYTHON,
    SLEEPS,
    MakeContainer,
    compose_binary,
    docker_service,
)
from tests.parts.servers.ruled_socket import RuledSocket, Rules

LIMIT = 128 * 2**20
Asked = set[tuple[str, str]]

_NAME = re.compile(r"^/(containers|images|networks)/(?!json$|create$)[^/]+")

LOOKS_AND_ACTS: Asked = {
    ("GET", "/_ping"),
    ("GET", "/version"),
    ("GET", "/containers/NAME/json"),
    ("GET", "/containers/NAME/logs"),
    ("GET", "/containers/NAME/stats"),
    ("POST", "/containers/NAME/start"),
    ("POST", "/containers/NAME/stop"),
    ("POST", "/containers/NAME/restart"),
    ("POST", "/containers/NAME/unpause"),
    ("POST", "/containers/NAME/update"),
    ("GET", "/networks/NAME"),
    ("POST", "/networks/NAME/connect"),
}
RECREATES: Asked = {
    ("HEAD", "/_ping"),
    ("GET", "/version"),
    ("GET", "/containers/json"),
    ("GET", "/containers/NAME/json"),
    ("GET", "/images/NAME/json"),
    ("GET", "/networks"),
    ("GET", "/volumes"),
    ("POST", "/containers/create"),
    ("POST", "/containers/NAME/start"),
    ("POST", "/containers/NAME/stop"),
    ("POST", "/containers/NAME/rename"),
    ("POST", "/networks/NAME/connect"),
    ("DELETE", "/containers/NAME"),
}


@contextmanager
def ruled(options: list[str]) -> Iterator[tuple[RuledSocket, Managers]]:
    """The product's managers behind these rules."""
    with tempfile.TemporaryDirectory(prefix="rs-") as directory:
        front = RuledSocket(Path(directory, "d.sock"), Rules.of(options))
        engine = DockerEngine(front.url)
        try:
            yield front, Managers(engine)
        finally:
            engine.close()
            front.close()


def kinds(asked: list[tuple[str, str]]) -> Asked:
    """Requests without versions, queries and names."""
    paths = ((method, re.sub(r"^/v[0-9.]+", "", target.partition("?")[0])) for method, target in asked)
    return {(method, _NAME.sub(r"/\1/NAME", path)) for method, path in paths}


@pytest.fixture
def network(docker_client: docker.DockerClient) -> Iterator[str]:
    made = docker_client.networks.create(f"runbooks-test-{uuid.uuid4().hex[:8]}")
    yield str(made.name)
    made.remove()


def test_every_look_and_every_act(network: str, make_container: MakeContainer) -> None:
    container = make_container(mem_limit=LIMIT // 2, memswap_limit=LIMIT // 2)
    with ruled(rules_of(FILE)) as (front, managers):
        manager = managers.of(docker_service(container.name))
        assert manager.state().running
        assert manager.usage().memory_used
        assert b"up" in manager.logs(5).lines
        assert not manager.publishes(80)
        assert manager.replicas() == 1
        container.pause()
        manager.restart()
        manager.set_memory_limit(LIMIT)
        assert manager.state().memory_limit == LIMIT
        manager.stop()
        assert manager.state().state is ProcessState.EXITED
        manager.start()
        assert manager.state().running
        manager.attach(network)
        assert network in manager.networks()
        assert front.refused == []
        assert kinds(front.passed) == LOOKS_AND_ACTS


@pytest.fixture
def web(docker_client: docker.DockerClient, image: str, tmp_path: Path) -> Iterator[tuple[Service, str]]:
    """A Compose service on two networks, one of them external, and its image under an earlier tag."""
    name = f"rb{uuid.uuid4().hex[:8]}"
    earlier = f"{image}-{name}"
    repository, _, tag = earlier.partition(":")
    docker_client.images.get(image).tag(repository, tag)
    shared = docker_client.networks.create(f"{name}-shared")
    service = {
        "image": image,
        "command": [PYTHON, "-c", SLEEPS],
        "init": True,
        "volumes": [*BINDS, "data:/tmp"],
        "networks": ["front", "back"],
    }
    networks = {"front": {}, "back": {"external": True, "name": shared.name}}
    project = {"name": name, "services": {"web": service}, "networks": networks, "volumes": {"data": {}}}
    file = tmp_path / "docker-compose.yml"
    file.write_text(json.dumps(project))
    compose = [compose_binary(), "-f", str(file)]
    subprocess.run([*compose, "up", "-d"], check=True, capture_output=True)
    yield docker_service(f"{name}-web-1", scale=ScalePolicy(max_replicas=3)), earlier
    subprocess.run([*compose, "down", "--timeout", "0", "--volumes"], check=True, capture_output=True)
    docker_client.images.remove(earlier, force=True)
    shared.remove()


def test_recreating_with_the_wider_rules(web: tuple[Service, str]) -> None:
    service, earlier = web
    with ruled(rules_of(FILE, RECREATE, RUNBOOKS_STACK="/srv/stack")) as (front, managers):
        manager = managers.of(service)
        manager.roll_back(Version(name=earlier))
        assert manager.state().image == earlier
        manager.recreate({})
        manager.scale(2)
        assert manager.replicas() == 2
        manager.scale(1)
        assert manager.replicas() == 1
        assert front.refused == []
        assert kinds(front.passed) == RECREATES


CHANGES: dict[str, Callable[[ServiceManager, str], None]] = {
    "roll back": lambda manager, version: manager.roll_back(Version(name=version)),
    "scale": lambda manager, _: manager.scale(2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_as_shipped_nothing_is_recreated(web: tuple[Service, str], change: str) -> None:
    service, earlier = web
    with ruled(rules_of(FILE)) as (front, managers):
        manager = managers.of(service)
        before = manager.state()
        with pytest.raises(ManagerRefused):
            CHANGES[change](manager, earlier)
        assert front.refused
        after = manager.state()
        assert (after.image, after.started_at) == (before.image, before.started_at)
        assert manager.replicas() == 1
