"""Who holds a port, and the end of the one who should not."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.managers.host_processes import identity_of
from activities.service.actions import ActionActivities
from activities.service.ports import PortActivities, PortSeen
from models.actions.change import ActionResult, Perform
from models.actions.service import KillProcess
from models.service.service import Service
from tests.parts.servers.docker_engine import PYTHON, MakeContainer, docker_service, published, wait_for_line
from tests.parts.servers.docker_proxy import silent_socket
from tests.parts.servers.listeners import Listen
from tests.parts.servers.supervisor import StartSupervisord

SERVES = """
import socket, time
listener = socket.create_server(("0.0.0.0", {port}))
print("up", flush=True)
time.sleep(600)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def managers(docker_client: object) -> Iterator[Managers]:
    engine = DockerEngine()
    yield Managers(engine)
    engine.close()


def look(managers: Managers, service: Service) -> PortSeen:
    return ActivityEnvironment().run(PortActivities(managers).look_at_port, service)


def plan_to_kill(pid: int, port: int, **other: Any) -> KillProcess:
    identity = identity_of(pid)
    assert identity
    return KillProcess(
        service=docker_service("backend", port=port),
        pid=pid,
        process=psutil.Process(pid).name(),
        started_at=datetime.now(UTC),
        identity=identity.model_copy(update=other),
        port=port,
    )


def kill(managers: Managers, action: KillProcess) -> ActionResult:
    request: Perform[KillProcess] = Perform(action=action, asked_at=datetime.now(UTC))
    return ActivityEnvironment().run(ActionActivities(managers).kill_process, request)


def test_a_free_port(managers: Managers, make_container: MakeContainer) -> None:
    port = free_port()
    seen = look(managers, docker_service(make_container().name, port=port))
    assert seen.ok
    assert seen.reason == f"nobody listens on port {port}"
    assert not seen.taken


def test_a_stranger_is_named(managers: Managers, make_container: MakeContainer, listen: Listen) -> None:
    process, port = listen()
    seen = look(managers, docker_service(make_container().name, port=port))
    assert seen.bad
    assert seen.taken
    assert seen.owner
    assert seen.owner.pid == process.pid
    assert seen.owner.name.startswith("python")
    assert f"held by {seen.owner.name} (process {process.pid}), which is not the service" in seen.reason
    assert abs(seen.owner.started_at - datetime.now(UTC)) < timedelta(seconds=30)
    assert seen.owner.command.startswith(psutil.Process(process.pid).cmdline()[0])
    assert seen.owner.user == psutil.Process().username()


def test_a_published_port_is_ours(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container(ports={"8080/tcp": ("127.0.0.1", None)})
    port = published(container)
    seen = look(managers, docker_service(container.name, port=port))
    assert seen.ok
    assert seen.owner
    assert seen.owner.ours
    other = make_container()
    taken = look(managers, docker_service(other.name, port=port))
    assert taken.taken
    assert taken.owner
    with pytest.raises(ApplicationError, match="belongs to the machine's service manager"):
        kill(managers, plan_to_kill(taken.owner.pid, port))


def test_a_container_in_the_hosts_network_is_ours(managers: Managers, make_container: MakeContainer) -> None:
    port = free_port()
    container = make_container(SERVES.format(port=port), network_mode="host", init=True)
    wait_for_line(container, b"up")
    seen = look(managers, docker_service(container.name, port=port))
    assert seen.ok
    assert seen.owner
    assert seen.owner.ours


def test_a_child_of_a_supervised_program_is_ours(start_supervisord: StartSupervisord) -> None:
    port = free_port()
    parent = f"import subprocess\nsubprocess.run([{PYTHON!r}, '-c', {SERVES.format(port=port)!r}])"
    supervisord = start_supervisord(web=(parent, {"stopasgroup": "true", "killasgroup": "true"}))
    service = supervisord.service("web", port=port)
    for _ in range(200):
        seen = look(Managers(), service)
        if seen.owner:
            break
        psutil.Process().cpu_percent(0.05)
    assert seen.ok
    assert seen.owner
    assert seen.owner.ours


def test_without_the_manager_nobody_is_accused(listen: Listen) -> None:
    _, port = listen()
    with silent_socket() as path:
        managers = Managers(DockerEngine(f"unix://{path}", timeout=1))
        seen = look(managers, docker_service("backend", port=port))
    assert seen.unknown
    assert seen.owner is None
    assert "did not answer" in seen.reason


def test_a_service_without_a_port(managers: Managers) -> None:
    seen = look(managers, docker_service("backend"))
    assert (seen.unknown, seen.reason) == (True, "no port is configured for backend")


@pytest.mark.parametrize("manner", ["meek", "stubborn"])
def test_kills_the_process_that_was_seen(managers: Managers, listen: Listen, manner: str) -> None:
    process, port = listen(manner)
    action = plan_to_kill(process.pid, port)
    effect = kill(managers, action)
    assert effect.done
    assert effect.before == f"process {process.pid} ({action.process}) listens on port {port}"
    expected = signal.SIGKILL if manner == "stubborn" else signal.SIGTERM
    assert process.wait(5) == -expected
    assert kill(managers, action).found == f"nothing to do: process {process.pid} ({action.process}) is gone"


def test_a_number_that_belongs_to_another_is_not_killed(managers: Managers, listen: Listen) -> None:
    process, port = listen()
    seen = identity_of(process.pid)
    assert seen
    action = plan_to_kill(process.pid, port, started=seen.started - 1)
    effect = kill(managers, action)
    assert process.poll() is None
    assert not effect.done
    assert "is not the one that was seen (it started at another time): nothing" in effect.found


def test_a_plan_that_names_a_number_alone_kills_nothing(managers: Managers, listen: Listen) -> None:
    process, port = listen()
    effect = kill(managers, plan_to_kill(process.pid, port).model_copy(update={"identity": None}))
    assert process.poll() is None
    assert not effect.done
    assert "does not say which process" in effect.found


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"boot": "the one before"}, "it started at another time"),
        ({"executable": "/opt/thief"}, "instead of /opt/thief"),
        ({"inode": 1}, "another file at its path"),
        ({"owner": 4711}, "instead of 4711"),
    ],
    ids=["boot", "path", "file", "owner"],
)
def test_a_process_that_differs_in_one_thing_is_not_killed(
    managers: Managers, listen: Listen, other: dict[str, Any], said: str
) -> None:
    process, port = listen()
    effect = kill(managers, plan_to_kill(process.pid, port, **other))
    assert process.poll() is None
    assert not effect.done
    assert said in effect.found


def test_a_process_that_runs_another_program_since_the_plan_is_not_killed(managers: Managers) -> None:
    """Same number, start, owner and socket, and yet another program than the one that was approved."""
    swap = f"""
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
listener.set_inheritable(True)
print(listener.getsockname()[1], flush=True)
sys.stdin.readline()
os.execv({shutil.which("sh")!r}, ["sh", "-c", "echo swapped; read forever"])
"""
    with subprocess.Popen([PYTHON, "-c", swap], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        action = plan_to_kill(process.pid, int(process.stdout.readline()))
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"swapped\n"
        effect = kill(managers, action)
        assert process.poll() is None
        process.kill()
    assert not effect.done
    assert action.identity
    assert f"instead of {action.identity.executable}" in effect.found


def test_who_no_longer_holds_the_port_is_not_killed(managers: Managers, listen: Listen) -> None:
    process, _ = listen()
    effect = kill(managers, plan_to_kill(process.pid, free_port()))
    assert not effect.done
    assert "no longer listens on port" in effect.found
    assert process.poll() is None


@pytest.mark.parametrize("pid", [1, os.getpid(), os.getppid()], ids=["init", "worker", "parent"])
def test_what_the_worker_stands_on_is_never_killed(managers: Managers, pid: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = plan_to_kill(os.getppid() if pid == os.getppid() else os.getpid(), listener.getsockname()[1])
        action = seen.model_copy(update={"pid": pid})
        with pytest.raises(ApplicationError, match="is what this worker runs on") as caught:
            kill(managers, action)
    assert caught.value.type == "Unsupported"
