"""Containers that lost their network: seen, and connected again under the names they had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.service.networks import LookAtNetworks, NetworkActivities, NetworksSeen
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import ReattachNetwork
from models.service.service import Service
from tests.parts.servers.compose_project import Project, compose_project
from tests.parts.servers.docker_engine import PYTHON, MakeContainer, docker_service
from tests.parts.servers.docker_proxy import docker_proxy
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

SHORT = timedelta(seconds=3)

REACHES = """
import socket, time
while True:
    try:
        print("found", *sorted(socket.gethostbyname(name) for name in ("db", "data")), flush=True)
    except OSError:
        print("lost", flush=True)
    time.sleep(0.1)
"""


@pytest.fixture
def managers(docker_client: object) -> Iterator[Managers]:
    engine = DockerEngine()
    yield Managers(engine)
    engine.close()


@pytest.fixture
def project(docker_client: docker.DockerClient, image: str, tmp_path: Path) -> Iterator[Project]:
    with compose_project(docker_client, image, tmp_path) as made:
        yield made


@pytest.fixture
def two(project: Project) -> Project:
    """`web`, which looks for `db` by both of its names, and `db`."""
    project.up(
        {
            "web": {"command": [PYTHON, "-c", REACHES]},
            "db": {"networks": {"default": {"aliases": ["data"]}}},
        }
    )
    return project


def look(managers: Managers, service: Service, *needed: Service) -> NetworksSeen:
    request = LookAtNetworks(service=service, needed=needed)
    seen = ActivityEnvironment().run(NetworkActivities(managers).look_at_networks, request)
    assert isinstance(seen, NetworksSeen)
    assert seen.observed_at is not None
    return seen


def reattach(managers: Managers, service: Service, network: str) -> ActionResult:
    action = ReattachNetwork(service=service, network=network)
    request: Perform[ReattachNetwork] = Perform(action=action, asked_at=datetime.now(UTC))
    activities = NetworkActivities(managers, settles_within=SHORT)
    effect = ActivityEnvironment().run(activities.reattach_network, request)
    assert isinstance(effect, ActionResult)
    return effect


def disconnect(project: Project, service: str) -> None:
    project.client.networks.get(project.network).disconnect(project.container(service))


def says(container: Container, word: str) -> None:
    until = time.monotonic() + 15
    while word.encode() not in container.logs(tail=1):
        assert time.monotonic() < until, container.logs(tail=5)
        time.sleep(0.1)


def test_together_on_the_configured_network(managers: Managers, two: Project) -> None:
    web, db = two.service("web", network=two.network), two.service("db")
    seen = look(managers, web, db)
    assert seen.ok
    assert seen.reason == f"web is on {two.network}, with all that it needs"
    assert seen.networks == (two.network,)


def test_off_its_network_and_back_under_its_names(managers: Managers, two: Project) -> None:
    web, db = two.service("web", network=two.network), two.service("db", network=two.network)
    says(two.container("web"), "found")
    disconnect(two, "db")
    says(two.container("web"), "lost")

    seen = look(managers, web, db)
    assert seen.bad
    assert seen.reason == f"db is not on the network {two.network}"
    assert (seen.apart, seen.off) == (("db",), ("db",))
    own = look(managers, db)
    assert own.bad
    assert own.off == ("db",)

    effect = reattach(managers, db, two.network)
    assert effect.done, effect.found
    assert (effect.before, effect.after) == ("on no network", f"on {two.network}")
    says(two.container("web"), "found")
    assert look(managers, web, db).ok
    again = reattach(managers, db, two.network)
    assert again.found == f"nothing to do: it is on the network {two.network}"


def test_names_are_kept_without_the_compose_file(managers: Managers, two: Project) -> None:
    disconnect(two, "db")
    file = two.directory / "docker-compose.yml"
    moved = file.rename(two.directory / "moved.yml")
    try:
        assert reattach(managers, two.service("db", network=two.network), two.network).done
    finally:
        moved.rename(file)
    attached = two.container("db").attrs["NetworkSettings"]["Networks"][two.network]
    assert "db" in attached["Aliases"]


def test_apart_without_a_configured_network(managers: Managers, two: Project) -> None:
    disconnect(two, "db")
    seen = look(managers, two.service("web"), two.service("db"))
    assert seen.bad
    assert seen.reason == "web and db share no network"
    assert seen.off == ()


def test_only_the_configured_network_is_attached(managers: Managers, two: Project) -> None:
    with pytest.raises(
        ApplicationError, match="bridge is not the network that is configured for db"
    ) as refused:
        reattach(managers, two.service("db", network=two.network), "bridge")
    assert refused.value.type == "Unsupported"
    assert list(two.container("db").attrs["NetworkSettings"]["Networks"]) == [two.network]


def test_a_network_that_is_gone(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container()
    service = docker_service(container.name, network="runbooks-test-none")
    assert look(managers, service).reason == "backend is not on the network runbooks-test-none"
    with pytest.raises(ApplicationError, match="there is no network called runbooks-test-none"):
        reattach(managers, service, "runbooks-test-none")


def test_the_network_of_the_host_reaches_all(managers: Managers, make_container: MakeContainer) -> None:
    host = docker_service(make_container(network_mode="host").name, network="app")
    bridge = docker_service(make_container().name)
    assert look(managers, host, bridge).reason == "backend is on the host's own network"
    assert look(managers, bridge, host.model_copy(update={"name": "db"})).ok


@pytest.mark.fault
def test_an_answer_that_is_lost_is_looked_for(two: Project) -> None:
    disconnect(two, "db")
    service = two.service("db", network=two.network)
    with docker_proxy(loses=b"/connect HTTP") as proxy:
        engine = DockerEngine(proxy.url)
        managers = Managers(engine)
        effect = reattach(managers, service, two.network)
        assert proxy.lost
        assert effect.done
        assert effect.found.startswith(f"it is on the network {two.network} (")
        engine.close()


def test_nothing_is_known_without_an_engine(tmp_path: Path) -> None:
    managers = Managers(DockerEngine(f"unix://{tmp_path}/none.sock"))
    seen = look(managers, docker_service("web", network="app"))
    assert seen.unknown
    assert "does not exist" in seen.reason
    with pytest.raises(ApplicationError) as refused:
        reattach(managers, docker_service("web", network="app"), "app")
    assert refused.value.type == "ManagerUnreachable"


def test_a_container_that_is_missing_is_unknown(managers: Managers) -> None:
    seen = look(managers, docker_service("runbooks-test-nobody", network="app"))
    assert seen.unknown
    assert seen.reason.startswith("there is no container called runbooks-test-nobody")


def test_a_program_has_no_networks(start_supervisord: StartSupervisord) -> None:
    service = start_supervisord(web=SLEEPS).service("web", network="app")
    seen = look(Managers(), service)
    assert (seen.unknown, seen.applies) == (True, False)
    assert "runs under supervisord" in seen.reason
    with pytest.raises(ApplicationError, match="has no networks of its own"):
        reattach(Managers(), service, "app")
