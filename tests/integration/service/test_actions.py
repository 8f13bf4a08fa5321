"""Effects on real containers: once, told by what was seen, also when the answer is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.service.actions import ActionActivities
from models.actions.change import ActionResult, Perform
from models.actions.kinds import Action
from models.actions.plan import LookBack
from models.actions.service import RaiseMemoryLimit, RestartService, RollBack, ScaleOut, StartService
from models.service.service import MemoryPolicy, RollBackScript
from tests.parts.servers.docker_engine import MakeContainer, docker_service, wait_for
from tests.parts.servers.docker_proxy import docker_proxy, silent_socket

MINUTE = timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def effects(docker_client: object) -> Iterator[ActionActivities]:
    engine = DockerEngine()
    yield ActionActivities(Managers(engine), settles_within=timedelta(seconds=3))
    engine.close()


def perform(
    method: Callable[..., ActionResult], action: Action, asked_at: datetime | None = None
) -> ActionResult:
    request: Perform[Any] = Perform(action=action, asked_at=asked_at or now())
    return ActivityEnvironment().run(method, request)


def look_back(effects: ActionActivities, action: Action, asked_at: datetime) -> ActionResult:
    return ActivityEnvironment().run(effects.look_back, LookBack(action=action, asked_at=asked_at))


def started(container: Any) -> str:
    container.reload()
    return str(container.attrs["State"]["StartedAt"])


def test_starts_what_exited(effects: ActionActivities, make_container: MakeContainer) -> None:
    container = make_container()
    container.stop(timeout=2)
    effect = perform(effects.start_service, StartService(service=docker_service(container.name)))
    assert effect.done
    assert effect.before.startswith("stopped by somebody (exit code 0)")
    assert effect.after.startswith("running for")


def test_does_not_start_what_runs(effects: ActionActivities, make_container: MakeContainer) -> None:
    container = make_container()
    before = started(container)
    effect = perform(effects.start_service, StartService(service=docker_service(container.name)))
    assert effect.done
    assert effect.found.startswith("nothing to do: it is running")
    assert started(container) == before


def test_unpauses_instead_of_failing(effects: ActionActivities, make_container: MakeContainer) -> None:
    container = make_container()
    container.pause()
    assert perform(effects.start_service, StartService(service=docker_service(container.name))).done
    container.pause()
    assert perform(effects.restart_service, RestartService(service=docker_service(container.name))).done


def test_a_start_that_crashes_at_once_says_so(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container("import sys; sys.exit(4)")
    wait_for(container, "exited")
    effect = perform(effects.start_service, StartService(service=docker_service(container.name)))
    wait_for(container, "exited")
    assert effect.done
    seen_later = look_back(effects, StartService(service=docker_service(container.name)), now() - MINUTE)
    assert seen_later.done
    assert "was started, but is not running now: exited with code 4" in seen_later.found


def test_restarts_once_however_often_it_is_asked(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container()
    action, asked_at = RestartService(service=docker_service(container.name)), now()
    before = started(container)
    first = perform(effects.restart_service, action, asked_at)
    after = started(container)
    assert first.done
    assert after != before
    second = perform(effects.restart_service, action, asked_at)
    assert second.done
    assert second.found.startswith("nothing to do: started at ")
    assert started(container) == after
    assert look_back(effects, action, asked_at).done


def test_a_clock_that_is_ahead_does_not_hide_a_restart(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container()
    began = time.monotonic()
    effect = perform(
        effects.restart_service, RestartService(service=docker_service(container.name)), now() + MINUTE
    )
    assert effect.done
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("hang", [False, True], ids=["dropped", "timed out"])
def test_a_lost_answer_is_looked_at_and_not_repeated(make_container: MakeContainer, hang: bool) -> None:
    container = make_container()
    before = started(container)
    action, asked_at = RestartService(service=docker_service(container.name)), now()
    with docker_proxy(loses=b"/restart", hang=hang) as proxy:
        engine = DockerEngine(proxy.url, timeout=1)
        effects = ActionActivities(Managers(engine))
        effect = perform(effects.restart_service, action, asked_at)
        after = started(container)
        assert proxy.lost == 1
        assert effect.done
        assert after != before
        assert "after it was asked for" in effect.found
        again = perform(effects.restart_service, action, asked_at)
        assert again.done
        assert proxy.lost == 1
        assert started(container) == after
        engine.close()


def test_an_engine_that_dies_with_the_answer_leaves_the_outcome_open(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container()
    action, asked_at = RestartService(service=docker_service(container.name)), now()
    with docker_proxy(loses=b"/restart", dies=True) as proxy:
        engine = DockerEngine(proxy.url, timeout=1)
        blind = ActionActivities(Managers(engine), settles_within=timedelta(seconds=1))
        with pytest.raises(ApplicationError, match="it could not be seen whether it happened") as caught:
            perform(blind.restart_service, action, asked_at)
        assert caught.value.type == "OutcomeLost"
        with pytest.raises(ApplicationError) as looking:
            look_back(blind, action, asked_at)
        assert not looking.value.non_retryable
        engine.close()
    assert look_back(effects, action, asked_at).done


def test_an_unreachable_engine_is_final_and_nothing_was_done() -> None:
    with silent_socket() as path:
        effects = ActionActivities(Managers(DockerEngine(f"unix://{path}", timeout=1)))
        with pytest.raises(ApplicationError, match="did not answer within 1 s") as caught:
            perform(effects.restart_service, RestartService(service=docker_service("backend")))
    assert caught.value.type == "ManagerUnreachable"
    assert caught.value.non_retryable


def test_a_missing_container_is_not_guessed(effects: ActionActivities) -> None:
    action = StartService(service=docker_service("runbooks-test-nobody"))
    with pytest.raises(ApplicationError, match="there is no container called runbooks-test-nobody") as caught:
        perform(effects.start_service, action)
    assert caught.value.type == "Unsupported"
    assert caught.value.non_retryable


def test_raises_the_memory_limit_of_a_running_container(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container(mem_limit="64m")
    service = docker_service(container.name)
    action = RaiseMemoryLimit(service=service, from_bytes=64 * 2**20, to_bytes=256 * 2**20)
    effect = perform(effects.raise_memory_limit, action)
    container.reload()
    assert effect.done
    assert (effect.before, effect.after) == ("64 MiB", "256 MiB")
    assert container.attrs["HostConfig"]["Memory"] == 256 * 2**20
    assert container.attrs["HostConfig"]["MemorySwap"] == (256 + 64) * 2**20
    assert perform(effects.raise_memory_limit, action).found == "nothing to do: its memory limit is 256 MiB"


def test_more_memory_ends_an_out_of_memory_crash(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    hungry = "import time; data = [bytearray(2**20) for _ in range(60)]; time.sleep(600)"
    container = make_container(hungry, mem_limit="32m", memswap_limit="32m")
    wait_for(container, "exited")
    service = docker_service(container.name)
    raised = RaiseMemoryLimit(service=service, from_bytes=32 * 2**20, to_bytes=160 * 2**20)
    assert perform(effects.raise_memory_limit, raised).done
    assert perform(effects.start_service, StartService(service=service)).done
    stays = time.monotonic() + 1
    while time.monotonic() < stays:
        container.reload()
        assert container.status == "running"


def test_a_limit_that_changed_meanwhile_is_left_alone(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container(mem_limit="64m")
    action = RaiseMemoryLimit(
        service=docker_service(container.name), from_bytes=32 * 2**20, to_bytes=48 * 2**20
    )
    effect = perform(effects.raise_memory_limit, action)
    assert not effect.done
    assert effect.found == "the limit is not 32 MiB, as when this was planned"


def test_no_limit_beyond_the_cap(effects: ActionActivities, make_container: MakeContainer) -> None:
    container = make_container(mem_limit="64m")
    service = docker_service(container.name, memory=MemoryPolicy(cap=128 * 2**20))
    action = RaiseMemoryLimit(service=service, from_bytes=64 * 2**20, to_bytes=129 * 2**20)
    with pytest.raises(ApplicationError, match="more than the cap of 128 MiB"):
        perform(effects.raise_memory_limit, action)


def test_a_plain_container_is_not_rolled_back_by_guessing(
    effects: ActionActivities, make_container: MakeContainer, image: str
) -> None:
    container = make_container()
    service = docker_service(container.name)
    with pytest.raises(ApplicationError, match="does not belong to a Compose project") as caught:
        perform(effects.roll_back, RollBack(service=service, from_version=image, to_version="shop:1"))
    assert caught.value.type == "Unsupported"
    with pytest.raises(ApplicationError, match="2 replicas are more than the 1 that are allowed"):
        perform(effects.scale_out, ScaleOut(service=service, from_replicas=1, to_replicas=2))


def test_a_rollback_script_runs_once_by_its_arguments(
    effects: ActionActivities, make_container: MakeContainer, image: str, tmp_path: Path
) -> None:
    container = make_container()
    script = RollBackScript(
        command=("/bin/sh", "-c", 'echo "$0" >> ran; echo to 1.4.2, token=abcdef', "a; b"),
        directory=str(tmp_path),
    )
    action = RollBack(service=docker_service(container.name), from_version=image, script=script)
    effect = perform(effects.roll_back, action)
    assert effect.done
    last = "the rollback script succeeded, and its last line is “to 1.4.2, token=[redacted]”; it is running"
    assert effect.found.startswith(last)
    assert (tmp_path / "ran").read_text() == "a; b\n"


def test_a_rollback_script_that_fails_says_why_without_secrets(
    effects: ActionActivities, make_container: MakeContainer, image: str
) -> None:
    container = make_container()
    script = RollBackScript(command=("/bin/sh", "-c", "echo password=hunter2 is wrong >&2; exit 3"))
    action = RollBack(service=docker_service(container.name), from_version=image, script=script)
    effect = perform(effects.roll_back, action)
    assert not effect.done
    assert effect.found == "the rollback script failed with status 3: password=[redacted] is wrong"


def test_a_rollback_script_is_ended_with_its_children(
    effects: ActionActivities, make_container: MakeContainer, image: str, tmp_path: Path
) -> None:
    container = make_container()
    script = RollBackScript.model_validate(
        {
            "command": ["/bin/sh", "-c", "sleep 300 & echo $! > child; wait"],
            "directory": str(tmp_path),
            "timeout": "500ms",
        }
    )
    action = RollBack(service=docker_service(container.name), from_version=image, script=script)
    effect = perform(effects.roll_back, action)
    assert not effect.done
    assert "was ended after 0.5 s" in effect.found
    child = Path("/proc", (tmp_path / "child").read_text().strip())
    until = time.monotonic() + 5
    while child.exists() and "Z" not in (child / "stat").read_text():
        assert time.monotonic() < until, "the script's child lives on"
        time.sleep(0.05)


def test_a_script_that_is_not_there_is_unsupported(
    effects: ActionActivities, make_container: MakeContainer, image: str
) -> None:
    container = make_container()
    action = RollBack(
        service=docker_service(container.name),
        from_version=image,
        script=RollBackScript(command=("/nowhere/roll-back",)),
    )
    with pytest.raises(ApplicationError, match="cannot be run: No such file"):
        perform(effects.roll_back, action)


def test_looking_back_at_what_never_happened(
    effects: ActionActivities, make_container: MakeContainer
) -> None:
    container = make_container()
    effect = look_back(effects, RestartService(service=docker_service(container.name)), now())
    assert not effect.done
    assert effect.found.startswith("it was not restarted: running for")
