"""A real Compose project: rolled back to another image, and scaled."""

from __future__ import annotations

import io
import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.service.actions import ActionActivities
from activities.service.processes import ProcessActivities
from models.actions.change import ActionResult, Perform
from models.actions.service import RollBack, ScaleOut
from models.service.service import ScalePolicy, Service
from tests.integration.service.test_actions import now
from tests.parts.servers.docker_engine import BINDS, PYTHON, SLEEPS, compose_binary, docker_service, published


@dataclass
class ComposeProject:
    """A project of one service, `web`, in a directory of its own."""

    name: str
    file: Path
    image: str
    client: docker.DockerClient

    @property
    def service(self) -> Service:
        return docker_service(f"{self.name}-web-1", scale=ScalePolicy(max_replicas=3))

    def write(self, **more: Any) -> None:
        web = {"image": self.image, "command": [PYTHON, "-c", SLEEPS], "volumes": BINDS, "init": True, **more}
        self.file.write_text(json.dumps({"name": self.name, "services": {"web": web}}))

    def up(self, **more: Any) -> None:
        self.write(**more)
        self.compose("up", "-d")

    def compose(self, *arguments: str) -> None:
        command = [compose_binary(), "-f", str(self.file), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def containers(self) -> list[Any]:
        return self.client.containers.list(filters={"label": f"com.docker.compose.project={self.name}"})

    def images(self) -> set[str]:
        return {container.attrs["Config"]["Image"] for container in self.containers()}


@pytest.fixture
def project(docker_client: docker.DockerClient, image: str, tmp_path: Path) -> Iterator[ComposeProject]:
    name = f"rb{uuid.uuid4().hex[:8]}"
    made = ComposeProject(name, tmp_path / "docker-compose.yml", image, docker_client)
    yield made
    made.compose("down", "--timeout", "0", "--remove-orphans")


@pytest.fixture
def earlier(docker_client: docker.DockerClient, image: str) -> Iterator[str]:
    """The same image under the tag of an earlier version."""
    repository, _, tag = image.partition(":")
    docker_client.images.get(image).tag(repository, f"{tag}-earlier")
    yield f"{image}-earlier"
    docker_client.images.remove(f"{image}-earlier", force=True)


@dataclass(frozen=True)
class MovedTag:
    """A tag that two builds bore one after the other, as `latest` does."""

    name: str
    before: str
    after: str


@pytest.fixture
def moved(docker_client: docker.DockerClient, project: ComposeProject) -> Iterator[MovedTag]:
    """The project runs what the tag means now; the earlier build lost its name."""
    name = f"{project.image}-moving"
    ids = []
    for build in ("1", "2"):
        dockerfile = io.BytesIO(f"FROM {project.image}\nENV BUILD={build}\n".encode())
        docker_client.images.build(fileobj=dockerfile, tag=name)
        project.image = name
        project.up()
        ids.append(str(docker_client.images.get(name).id))
        project.image = name.removesuffix("-moving")
    yield MovedTag(name, *ids)
    project.compose("down", "--timeout", "0")
    for one in ids:
        docker_client.images.remove(one, force=True)


@pytest.fixture
def effects(docker_client: object) -> Iterator[ActionActivities]:
    engine = DockerEngine()
    yield ActionActivities(Managers(engine))
    engine.close()


def roll_back(effects: ActionActivities, project: ComposeProject, to: str) -> ActionResult:
    action = RollBack(service=project.service, from_version=project.image, to_version=to)
    return ActivityEnvironment().run(effects.roll_back, Perform(action=action, asked_at=now()))


def scale(effects: ActionActivities, project: ComposeProject, before: int, after: int) -> ActionResult:
    action = ScaleOut(service=project.service, from_replicas=before, to_replicas=after)
    return ActivityEnvironment().run(effects.scale_out, Perform(action=action, asked_at=now()))


def test_rolls_back_once(effects: ActionActivities, project: ComposeProject, earlier: str) -> None:
    project.up(environment={"COST": "1$$", "EMPTY": ""})
    effect = roll_back(effects, project, earlier)
    assert effect.done
    assert (effect.before, effect.after) == (project.image, earlier)
    (container,) = project.containers()
    assert container.attrs["Config"]["Image"] == earlier
    assert "COST=1$" in container.attrs["Config"]["Env"]
    again = roll_back(effects, project, earlier)
    assert again.found == f"nothing to do: it runs {earlier}"
    assert project.containers()[0].id == container.id


def test_rolls_back_to_a_build_that_lost_its_tag(
    effects: ActionActivities, project: ComposeProject, moved: MovedTag
) -> None:
    action = RollBack(
        service=project.service,
        from_version=moved.name,
        from_image=moved.after,
        to_version=moved.name,
        to_image=moved.before,
    )
    assert {container.image.id for container in project.containers()} == {moved.after}
    effect = ActivityEnvironment().run(effects.roll_back, Perform(action=action, asked_at=now()))
    assert effect.done
    assert {container.image.id for container in project.containers()} == {moved.before}
    assert effect.before == f"{moved.name} ({moved.after[7:19]})"
    assert effect.after == moved.before[7:19]
    assert scale(effects, project, 1, 2).done
    assert {container.image.id for container in project.containers()} == {moved.before}


def test_scaling_what_runs_does_not_deploy_a_newer_build(
    effects: ActionActivities, project: ComposeProject, moved: MovedTag
) -> None:
    project.client.images.get(moved.before).tag(*moved.name.split(":"))
    assert scale(effects, project, 1, 2).done
    assert {container.image.id for container in project.containers()} == {moved.after}


def test_scaling_after_a_rollback_keeps_the_earlier_version(
    effects: ActionActivities, project: ComposeProject, earlier: str
) -> None:
    project.up()
    roll_back(effects, project, earlier)
    effect = scale(effects, project, 1, 2)
    assert effect.done
    assert effect.after == "2 replicas"
    assert len(project.containers()) == 2
    assert project.images() == {earlier}
    looks = ProcessActivities(Managers(DockerEngine()))
    assert ActivityEnvironment().run(looks.look_at_process, project.service).replicas == 2
    assert scale(effects, project, 2, 1).done
    assert len(project.containers()) == 1


def test_a_person_who_deploys_again_gets_what_the_file_says(
    effects: ActionActivities, project: ComposeProject, earlier: str
) -> None:
    project.up()
    roll_back(effects, project, earlier)
    project.compose("up", "-d")
    assert project.images() == {project.image}


def test_an_image_that_is_not_there_changes_nothing(
    effects: ActionActivities, project: ComposeProject
) -> None:
    project.up()
    (before,) = project.containers()
    with pytest.raises(ApplicationError, match="the image shop:none is not on this machine: pull it first"):
        roll_back(effects, project, "shop:none")
    assert project.containers()[0].id == before.id


def test_nothing_else_comes_along_with_a_rollback(
    effects: ActionActivities, project: ComposeProject, earlier: str
) -> None:
    project.up(environment={"DATABASE_URL": "one"})
    project.write(environment={"DATABASE_URL": "two"})
    with pytest.raises(ApplicationError, match="would also change DATABASE_URL of web") as caught:
        roll_back(effects, project, earlier)
    assert "two" not in str(caught.value)
    assert project.images() == {project.image}


def test_a_compose_file_that_is_elsewhere_is_said(
    effects: ActionActivities, project: ComposeProject, earlier: str
) -> None:
    project.up()
    moved = project.file.rename(project.file.with_name("elsewhere.yml"))
    with pytest.raises(ApplicationError, match="is not on this machine: run the worker where it is"):
        roll_back(effects, project, earlier)
    moved.rename(project.file)


def test_a_service_with_a_container_name_runs_only_once(
    effects: ActionActivities, project: ComposeProject
) -> None:
    project.up(container_name=f"{project.name}-web-1")
    with pytest.raises(ApplicationError, match="has a container_name, and so can run only once"):
        scale(effects, project, 1, 2)
    assert len(project.containers()) == 1


def test_replicas_that_cannot_start_are_removed(
    effects: ActionActivities, project: ComposeProject, docker_client: docker.DockerClient
) -> None:
    project.up(ports=["127.0.0.1:0:8080"])
    (container,) = project.containers()
    port = published(container)
    project.up(ports=[f"127.0.0.1:{port}:8080"])
    effect = scale(effects, project, 1, 2)
    assert not effect.done
    assert "port is already allocated" in effect.found
    labelled: dict[str, str | list[str] | bool] = {"label": f"com.docker.compose.project={project.name}"}
    assert len(docker_client.containers.list(all=True, filters=labelled)) == 1
