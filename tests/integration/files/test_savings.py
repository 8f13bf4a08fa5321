"""Several settings of real services at once: proposed only where they save, set as approved, restored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest
from temporalio.testing import ActivityEnvironment

from activities.files.environment import EnvironmentActivities
from activities.files.savings import ProposeSavings, Saving, SavingActivities, SavingsSeen
from activities.managers import DockerEngine, Managers
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import SetEnvironment
from models.service.costs import Limit
from models.service.service import Service, SupervisordManager
from tests.parts.servers.compose_project import compose_project
from tests.parts.servers.supervisor import StartSupervisord

FILE = """\
# how often, and how much
DAILY_LOOP_INTERVAL=3600  # seconds
API_KEY=s3cr3t
export MAX_VIDEOS_PER_RUN='10'

SENTRY_TRACES_SAMPLE_RATE=0.1
MAX_VIDEOS_PER_RUN=3 # of the old shop, no setting
"""
LIMITS = {
    "DAILY_LOOP_INTERVAL": Limit(at_least=86400, default=3600),
    "MAX_VIDEOS_PER_RUN": Limit(at_most=5, default=10),
    "MAX_PRODUCTS_PER_RUN": Limit(at_most=10, default=20),
    "SENTRY_TRACES_SAMPLE_RATE": Limit(at_most=0.05, default=0.1),
}


@pytest.fixture
def proposed(tmp_path: Path) -> Service:
    """A service that is only asked about: nothing of it runs."""
    (tmp_path / ".env").write_text(FILE)
    manager = SupervisordManager(program="web", socket=str(tmp_path / "none.sock"))
    return Service(name="web", manager=manager, env_file=str(tmp_path / ".env"))


@pytest.fixture
def service(start_supervisord: StartSupervisord, tmp_path: Path) -> Service:
    (tmp_path / ".env").write_text(FILE)
    supervisord = start_supervisord(web="import time\ntime.sleep(600)\n")
    return supervisord.service("web", env_file=str(tmp_path / ".env"))


def look(service: Service, limits: dict[str, Limit], managers: Managers | None = None) -> SavingsSeen:
    request = ProposeSavings(service=service, options={"all": limits})
    seen = ActivityEnvironment().run(SavingActivities(managers or Managers()).propose_savings, request)
    assert isinstance(seen, SavingsSeen)
    return seen


def propose(service: Service, limits: dict[str, Limit], managers: Managers | None = None) -> Saving:
    seen = look(service, limits, managers)
    assert seen.ok, seen.reason
    return seen.options["all"]


def one(service: Service, line: str, **limit: float) -> Saving:
    """What is proposed for one setting in a file of one line."""
    assert service.env_file is not None
    Path(service.env_file).write_text(f"{line}\n")
    return propose(service, {"N": Limit(**limit)})


def carry_out(service: Service, saving: Saving, managers: Managers | None = None) -> ActionResult:
    action = SetEnvironment(
        service=service, file=str(service.env_file), values=saving.values, diff=saving.diff
    )
    request: Perform[SetEnvironment] = Perform(action=action, asked_at=datetime.now(UTC))
    activities = EnvironmentActivities(managers or Managers(), settles_within=timedelta(seconds=3))
    result = ActivityEnvironment().run(activities.set_environment, request)
    assert isinstance(result, ActionResult)
    return result


def test_four_settings_are_changed_in_one_edit_that_keeps_comments_and_order(service: Service) -> None:
    assert service.env_file is not None
    file = Path(service.env_file)
    file.write_text(FILE.rpartition("MAX_VIDEOS")[0])
    before, saving = file.read_text(), propose(service, LIMITS)
    assert saving.values == {
        "DAILY_LOOP_INTERVAL": "86400",
        "MAX_VIDEOS_PER_RUN": "5",
        "MAX_PRODUCTS_PER_RUN": "10",
        "SENTRY_TRACES_SAMPLE_RATE": "0.05",
    }
    assert "+DAILY_LOOP_INTERVAL=86400  # seconds" in saving.diff
    assert "-export MAX_VIDEOS_PER_RUN='10'\n+export MAX_VIDEOS_PER_RUN='5'" in saving.diff
    assert "s3cr3t" not in saving.diff

    result = carry_out(service, saving)
    assert result.done, result.found
    assert file.read_text() == (
        "# how often, and how much\nDAILY_LOOP_INTERVAL=86400  # seconds\nAPI_KEY=s3cr3t\n"
        "export MAX_VIDEOS_PER_RUN='5'\n\nSENTRY_TRACES_SAMPLE_RATE=0.05\nMAX_PRODUCTS_PER_RUN=10\n"
    )
    (backup,) = file.parent.glob(".env.*.bak")
    assert backup.read_text() == before, "the old file can be restored"
    assert propose(service, LIMITS).values == {}, "what saves already is left"


def test_of_a_key_that_stands_twice_the_one_that_counts_is_judged(proposed: Service) -> None:
    saving = propose(proposed, LIMITS)
    assert "MAX_VIDEOS_PER_RUN" not in saving.values
    assert "MAX_VIDEOS_PER_RUN is 3 already" in saving.left


@pytest.mark.parametrize(
    ("line", "limit", "becomes"),
    [
        ("N=10", {"at_most": 5}, "5"),
        ("N=3", {"at_most": 5}, None),
        ("N=5", {"at_most": 5}, None),
        ("N=3600", {"at_least": 86400}, "86400"),
        ("N=604800", {"at_least": 86400}, None),
        ("N=5000000", {"at_most": 2000000}, "2000000"),
        ("OTHER=1", {"at_most": 5, "default": 10}, "5"),
        ("OTHER=1", {"at_most": 5, "default": 3}, None),
        ("#N=10", {"at_most": 5, "default": 3}, None),
    ],
)
def test_a_setting_is_changed_only_so_that_it_saves(
    proposed: Service, line: str, limit: dict[str, float], becomes: str | None
) -> None:
    saving = one(proposed, line, **limit)
    assert saving.values == ({} if becomes is None else {"N": becomes})
    assert bool(saving.diff) == bool(saving.values)


@pytest.mark.parametrize(
    ("line", "limit", "why"),
    [
        ("OTHER=1", {"at_most": 5}, "N stands nowhere, and its default is not configured"),
        ("N=1h", {"at_least": 86400}, "N is no number: 1h"),
        ("N=", {"at_most": 5}, "N is no number: "),
        ("N=nan", {"at_most": 5}, "N is no number: nan"),
        ("N=inf", {"at_most": 5}, "N is no number: inf"),
        ("N=0", {"at_least": 86400}, "N is 0, which may mean that it is off, or has no limit"),
        ("N=-1", {"at_most": 5}, "N is -1, which may mean that it is off, or has no limit"),
    ],
)
def test_what_is_not_known_is_left_and_said(
    proposed: Service, line: str, limit: dict[str, float], why: str
) -> None:
    saving = one(proposed, line, **limit)
    assert (saving.values, saving.left) == ({}, (why,))


def test_a_file_that_was_edited_meanwhile_is_left_alone(service: Service) -> None:
    assert service.env_file is not None
    saving, file = propose(service, LIMITS), Path(service.env_file)
    edited = FILE.replace("DAILY_LOOP_INTERVAL=3600", "DAILY_LOOP_INTERVAL=604800")
    file.write_text(edited)
    result = carry_out(service, saving)
    assert not result.done
    assert "was changed since this was planned" in result.found
    assert file.read_text() == edited


def test_without_a_file_it_is_unknown(proposed: Service, tmp_path: Path) -> None:
    gone = proposed.model_copy(update={"env_file": str(tmp_path / "gone.env")})
    assert look(gone, LIMITS).unknown
    assert look(proposed.model_copy(update={"env_file": None}), LIMITS).unknown


@pytest.fixture
def managers(docker_client: object) -> Iterator[Managers]:
    engine = DockerEngine()
    yield Managers(engine)
    engine.close()


def test_a_container_that_does_not_run_with_the_file_yet_is_recreated_with_it(
    docker_client: docker.DockerClient, image: str, managers: Managers, tmp_path: Path
) -> None:
    file = tmp_path / "app.env"
    file.write_text("INTERVAL=3600\nMAX_VIDEOS=10\n")
    with compose_project(docker_client, image, tmp_path) as project:
        project.up({"web": {"env_file": "app.env"}})
        service = project.service("web", env_file=str(file))
        file.write_text("INTERVAL=86400\nMAX_VIDEOS=10\n")  # somebody saved, and recreated nothing
        limits = {"INTERVAL": Limit(at_least=86400), "MAX_VIDEOS": Limit(at_most=5)}
        saving = propose(service, limits, managers)
        assert saving.values == {"INTERVAL": "86400", "MAX_VIDEOS": "5"}
        assert carry_out(service, saving, managers).done
        environment = project.container("web").attrs["Config"]["Env"]
        assert {"INTERVAL=86400", "MAX_VIDEOS=5"} <= set(environment)
        assert propose(service, limits, managers).values == {}
