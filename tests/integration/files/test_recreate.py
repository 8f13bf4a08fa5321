"""A service that is recreated after a person edited its env file: a real program, and a real container."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest
from temporalio.testing import ActivityEnvironment

from activities.files.recreate import RecreateActivities, UnreadSettingsSeen
from activities.managers import DockerEngine, Managers
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import RecreateService
from models.service.service import Service
from tests.parts.servers.compose_project import Project, compose_project
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.supervisor import StartSupervisord

SHORT = timedelta(seconds=3)
FILE = "# the shop\nAPI_KEY=old-s3cr3t\nMODE=fast\n"
RECORDS = """
import time
from pathlib import Path
with Path(__file__).with_name("starts").open("a") as file:
    file.write(Path("{env}").read_text().splitlines()[1] + "\\n")
time.sleep(600)
"""


@pytest.fixture
def managers(docker_client: object) -> Iterator[Managers]:
    engine = DockerEngine()
    yield Managers(engine)
    engine.close()


@pytest.fixture
def project(docker_client: docker.DockerClient, image: str, tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "app.env").write_text(FILE)
    with compose_project(docker_client, image, tmp_path) as made:
        yield made


def look(managers: Managers, service: Service) -> UnreadSettingsSeen:
    seen = ActivityEnvironment().run(RecreateActivities(managers).look_at_unread_settings, service)
    assert isinstance(seen, UnreadSettingsSeen)
    return seen


def recreate(managers: Managers, service: Service, *settings: str) -> ActionResult:
    action = RecreateService(service=service, settings=settings)
    request: Perform[RecreateService] = Perform(action=action, asked_at=datetime.now(UTC))
    activities = RecreateActivities(managers, settles_within=SHORT)
    done = ActivityEnvironment().run(activities.recreate_service, request)
    assert isinstance(done, ActionResult)
    return done


def test_a_program_is_restarted_and_reads_its_file(
    start_supervisord: StartSupervisord, tmp_path: Path
) -> None:
    env = tmp_path / ".env"
    env.write_text(FILE)
    supervisord = start_supervisord(web=RECORDS.format(env=env))
    service = supervisord.service("web", env_file=str(env))
    starts = supervisord.directory / "starts"
    assert look(Managers(), service).unknown, "what it was started with is not known"
    env.write_text(FILE.replace("old", "new"))
    assert recreate(Managers(), service).done
    until = time.monotonic() + 10
    while not starts.exists() or "API_KEY=new-s3cr3t" not in starts.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_container_takes_exactly_the_settings_that_were_shown(managers: Managers, project: Project) -> None:
    project.up({"web": {"env_file": "app.env"}})
    service = project.service("web", env_file=str(project.directory / "app.env"))
    assert look(managers, service).ok
    (project.directory / "app.env").write_text(FILE.replace("old", "new"))
    seen = look(managers, service)
    assert (seen.bad, seen.settings) == (True, ("API_KEY",))
    assert "s3cr3t" not in seen.model_dump_json(), "names, and never values"
    before = project.container("web").id
    refused = recreate(managers, service, "API_KEY", "MODE")
    assert not refused.done
    assert "changed since this was planned" in refused.found
    assert project.container("web").id == before
    done = recreate(managers, service, "API_KEY")
    assert done.done, done.found
    assert "API_KEY=new-s3cr3t" in project.container("web").attrs["Config"]["Env"]
    assert "s3cr3t" not in done.model_dump_json()
    assert look(managers, service).ok


def test_a_file_that_is_not_there_is_unknown(managers: Managers, tmp_path: Path) -> None:
    assert look(managers, docker_service("web")).unknown
    assert look(managers, docker_service("web", env_file=str(tmp_path / "nowhere"))).unknown
