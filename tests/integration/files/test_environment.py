"""Settings of real services: proposed, set as approved, and reverted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.files.environment import EnvironmentActivities, EnvironmentProposal, ProposeEnvironment
from activities.managers import DockerEngine, Managers
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import SetEnvironment
from models.service.memory import HeapLimit
from models.service.service import Service
from tests.parts.servers.compose_project import Project, compose_project
from tests.parts.servers.docker_engine import MakeContainer, docker_service
from tests.parts.servers.docker_proxy import docker_proxy
from tests.parts.servers.supervisor import StartSupervisord

SHORT = timedelta(seconds=3)
FILE = "# hourly\nINTERVAL=3600 # seconds\nAPI_KEY=s3cr3t\nMODE='fast'\n"
VALUES = {"INTERVAL": "86400"}
BEFORE, AFTER = "INTERVAL=3600 # seconds", "INTERVAL=86400 # seconds"

RECORDS = """
import time
from pathlib import Path
with Path(__file__).with_name("starts").open("a") as file:
    file.write(Path("{env}").read_text().splitlines()[1] + "\\n")
time.sleep(600)
"""


@dataclass(frozen=True)
class Program:
    """A program that reads its env file at each start, and writes down what it read."""

    service: Service
    env: Path
    starts: Path

    def started_with(self, *lines: str) -> None:
        until = time.monotonic() + 10
        while not self.starts.exists() or self.starts.read_text().splitlines() != list(lines):
            assert time.monotonic() < until, self.starts.read_text()
            time.sleep(0.02)


@pytest.fixture
def program(start_supervisord: StartSupervisord, tmp_path: Path) -> Program:
    env = tmp_path / ".env"
    env.write_text(FILE)
    supervisord = start_supervisord(web=RECORDS.format(env=env))
    made = Program(supervisord.service("web", env_file=str(env)), env, supervisord.directory / "starts")
    made.started_with(BEFORE)
    while time.time() - made.starts.stat().st_mtime < 0.1:
        time.sleep(0.02)  # what is written next is written after it started, to every clock
    return made


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


def propose(managers: Managers, service: Service, values: dict[str, str]) -> EnvironmentProposal:
    request = ProposeEnvironment(service=service, values=values)
    proposal = ActivityEnvironment().run(EnvironmentActivities(managers).propose_environment, request)
    assert isinstance(proposal, EnvironmentProposal)
    assert proposal.observed_at is not None
    return proposal


def plan(managers: Managers, service: Service, values: dict[str, str]) -> SetEnvironment:
    seen = propose(managers, service, values)
    assert seen.ok, seen.reason
    return SetEnvironment(service=service, file=seen.file, values=seen.values, diff=seen.diff)


def set_(managers: Managers, action: SetEnvironment, asked_at: datetime) -> ActionResult:
    activities = EnvironmentActivities(managers, settles_within=SHORT)
    request: Perform[SetEnvironment] = Perform(action=action, asked_at=asked_at)
    effect = ActivityEnvironment().run(activities.set_environment, request)
    assert isinstance(effect, ActionResult)
    return effect


def now() -> datetime:
    return datetime.now(UTC)


def environment_of(project: Project) -> list[str]:
    return list(project.container("web").attrs["Config"]["Env"])


def test_a_program_is_restarted_with_the_new_setting(program: Program) -> None:
    managers = Managers()
    action = plan(managers, program.service, VALUES)
    assert f"-{BEFORE}\n+{AFTER}" in action.diff
    assert "s3cr3t" not in action.diff

    asked_at = now()
    effect = set_(managers, action, asked_at)
    assert effect.done, effect.found
    assert (effect.before, effect.after) == ("INTERVAL=3600", "INTERVAL=86400")
    assert "the backup is .env." in effect.found
    assert program.env.read_text() == FILE.replace("3600", "86400")
    program.started_with(BEFORE, AFTER)
    assert set_(managers, action, asked_at).found.startswith("nothing to do: ")


def test_a_file_that_was_edited_since_is_left_alone(program: Program) -> None:
    managers = Managers()
    action = plan(managers, program.service, VALUES)
    edited = FILE.replace("3600", "1800")
    program.env.write_text(edited)
    effect = set_(managers, action, now())
    assert not effect.done
    assert "was changed since this was planned" in effect.found
    assert program.env.read_text() == edited
    assert [one.name for one in program.env.parent.glob(".env*")] == [".env"]
    program.started_with(BEFORE)


def test_no_other_option_comes_with_the_limit_of_a_heap(program: Program) -> None:
    """Nor with the very diff that would be made of it."""
    limit = HeapLimit(key="MODE")
    service = program.service.model_copy(update={"heap_limit": limit})
    before = program.env.read_text()
    managers = Managers()
    action = plan(managers, service, {"MODE": limit.raised("--require=/tmp/of-a-stranger.js")})
    refused = set_(managers, action, now())
    assert not refused.done
    assert "more of MODE would be changed" in refused.found
    assert program.env.read_text() == before
    assert set_(managers, plan(managers, service, {"MODE": limit.raised("fast")}), now()).done
    assert f"MODE={limit.raised('fast')}" in program.env.read_text().replace("'", "").replace('"', "")


def test_an_attempt_that_died_between_edit_and_restart_is_finished(program: Program) -> None:
    managers = Managers()
    action = plan(managers, program.service, VALUES)
    asked_at = now()
    backup = program.env.with_name(f".env.{asked_at:%Y%m%dT%H%M%S.%fZ}.bak")
    backup.write_text(FILE)
    program.env.write_text(FILE.replace("3600", "86400"))
    assert set_(managers, action, asked_at).done
    assert backup.read_text() == FILE
    program.started_with(BEFORE, AFTER)


def test_a_container_is_recreated_with_the_new_setting(managers: Managers, project: Project) -> None:
    project.up({"web": {"env_file": "app.env", "environment": {"COST": "1$$"}}})
    service = project.service("web", env_file=str(project.directory / "app.env"))
    before = project.container("web").id
    action = plan(managers, service, {**VALUES, "NEW": "a b"})
    asked_at = now()
    effect = set_(managers, action, asked_at)
    assert effect.done, effect.found
    assert (effect.before, effect.after) == ("INTERVAL=3600, no NEW", "INTERVAL=86400, NEW=a b")
    assert project.container("web").id != before
    assert {"INTERVAL=86400", "NEW=a b", "MODE=fast", "COST=1$"} <= set(environment_of(project))


def test_replicas_are_kept(managers: Managers, project: Project) -> None:
    project.up({"web": {"env_file": "app.env"}})
    project.compose("up", "-d", "--scale", "web=2")
    service = project.service("web", env_file=str(project.directory / "app.env"))
    assert set_(managers, plan(managers, service, VALUES), now()).done
    label = f"com.docker.compose.project={project.name}"
    assert len(project.client.containers.list(filters={"label": label})) == 2


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ({"web": {"env_file": "app.env", "environment": {"OTHER": "1"}}}, "would also change OTHER"),
        ({"web": {"env_file": "app.env", "environment": {"INTERVAL": "3600"}}}, "would not reach web"),
        ({"web": {"environment": {"INTERVAL": "3600", "API_KEY": "s3cr3t"}}}, "would not reach web"),
        ({"worker": {}}, "no longer describe web"),
    ],
)
def test_nothing_else_comes_along_and_the_file_is_put_back(
    managers: Managers, project: Project, services: dict[str, dict[str, object]], why: str
) -> None:
    project.up({"web": {"env_file": "app.env"}})
    service = project.service("web", env_file=str(project.directory / "app.env"))
    before = project.container("web").id
    action = plan(managers, service, VALUES)
    project.describe(services)
    with pytest.raises(ApplicationError, match=f"{why}.*was restored") as refused:
        set_(managers, action, now())
    assert refused.value.type == "Unsupported"
    assert refused.value.non_retryable
    assert (project.directory / "app.env").read_text() == FILE
    assert project.container("web").id == before


def test_a_service_that_cannot_start_anew_is_brought_back(managers: Managers, project: Project) -> None:
    project.up({"web": {"env_file": "app.env"}})
    service = project.service("web", env_file=str(project.directory / "app.env"))
    action = plan(managers, service, VALUES)
    project.describe(
        {"web": {"env_file": "app.env", "networks": ["gone"]}}, networks={"gone": {"external": True}}
    )
    effect = set_(managers, action, now())
    assert not effect.done
    assert "was restored" in effect.found
    assert (project.directory / "app.env").read_text() == FILE
    project.describe({"web": {"env_file": "app.env"}})


@pytest.mark.fault
def test_an_answer_that_is_lost_half_way_leaves_the_service_as_it_was(project: Project) -> None:
    project.up({"web": {"env_file": "app.env"}})
    service = project.service("web", env_file=str(project.directory / "app.env"))
    before = project.container("web").id
    with docker_proxy(loses=b"/containers/create") as proxy:
        engine = DockerEngine(proxy.url)
        managers = Managers(engine)
        action = plan(managers, service, VALUES)
        effect = set_(managers, action, now())
        assert proxy.lost
        assert not effect.done
        assert "was restored" in effect.found
        assert (project.directory / "app.env").read_text() == FILE
        assert project.container("web").id == before
        engine.close()


def test_a_container_of_no_project_is_not_guessed_at(
    managers: Managers, make_container: MakeContainer, tmp_path: Path
) -> None:
    env = tmp_path / ".env"
    env.write_text(FILE)
    container = make_container()
    action = plan(managers, docker_service(container.name, env_file=str(env)), VALUES)
    with pytest.raises(ApplicationError, match="does not belong to a Compose project"):
        set_(managers, action, now())
    assert env.read_text() == FILE


def test_a_proposal_says_why_there_is_none(managers: Managers, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text(FILE)
    troubles: tuple[tuple[Service, dict[str, str], str], ...] = (
        (docker_service("web"), VALUES, "no env_file is configured for backend"),
        (docker_service("web", env_file=f"{tmp_path}/none"), VALUES, "No such file or directory"),
        (docker_service("web", env_file=str(env)), {"API_KEY": "n3w"}, "API_KEY looks like a secret"),
    )
    for service, values, why in troubles:
        proposal = propose(managers, service, values)
        assert proposal.unknown
        assert why in proposal.reason
        assert proposal.diff == ""
        assert "n3w" not in proposal.reason
    same = propose(managers, docker_service("web", env_file=str(env)), {"INTERVAL": "3600"})
    assert same.ok
    assert same.unchanged
    assert same.reason.endswith("has these settings already")


def test_only_the_configured_file_is_ever_touched(managers: Managers, tmp_path: Path) -> None:
    env, other = tmp_path / ".env", tmp_path / "other.env"
    env.write_text(FILE)
    other.write_text(FILE)
    action = plan(managers, docker_service("web", env_file=str(env)), VALUES)
    with pytest.raises(ApplicationError, match="is not the env file that is configured"):
        set_(managers, action.model_copy(update={"file": str(other)}), now())
    assert other.read_text() == FILE
