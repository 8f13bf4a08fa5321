"""What people report of tools that take Podman for Docker; `docs/field.md` names the reports."""

from __future__ import annotations

import os
import shutil
import socket as sockets
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import docker
import pytest
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.managers.manager import ManagerRefused, ServiceManager, Unsupported
from activities.managers.process_seen import OwnCheck, ProcessState
from activities.service.kill import kill
from activities.service.ports import PortActivities, PortSeen
from demo.parts.loopback import free_port
from models.actions.service import KillProcess
from models.service.service import Service
from models.version import Version
from tests.integration.managers.test_podman import IMAGE, SLEEPS, client, engine, made, socket
from tests.integration.managers.test_who_ended_it import look_at
from tests.parts.servers.docker_engine import BINDS, PYTHON, compose_binary, docker_service, wait_for_line

__all__ = ["client", "engine", "socket"]

IGNORES = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
LISTENS = """
import http.server, sys
server = http.server.HTTPServer(("", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
print("up", flush=True)
server.serve_forever()
"""
OUTGROWS = "d = [bytearray(2**20) for _ in range(200)]"
SMALL = {"mem_limit": "64m", "memswap_limit": "64m"}
SECOND = 10**9
ACTIVATED = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execvp(sys.argv[2], sys.argv[2:])"
)


def manager_of(engine: DockerEngine, name: str) -> ServiceManager:
    return Managers(engine).of(docker_service(name))


def test_while_it_is_being_stopped_it_is_neither_unknown_nor_crashed(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    container = made(client, "takes-its-time", IGNORES)
    wait_for_line(container, b"up")
    stop = threading.Thread(target=container.stop, kwargs={"timeout": 5})
    stop.start()
    until = time.monotonic() + 20
    while not (seen := look_at(engine, docker_service("takes-its-time"))).stopping:
        assert time.monotonic() < until, seen
    stop.join()
    assert (seen.state, seen.unknown, seen.crashed) == (ProcessState.RUNNING, False, False)
    assert "is being stopped by somebody" in seen.reason


def port_of(engine: DockerEngine, service: Service) -> PortSeen:
    seen = ActivityEnvironment().run(PortActivities(Managers(engine)).look_at_port, service)
    assert isinstance(seen, PortSeen)
    return seen


@pytest.mark.parametrize("network", ["bridge", "host"])
def test_who_listens_for_a_container_is_no_stranger(
    client: docker.DockerClient, engine: DockerEngine, network: str
) -> None:
    """A published port is held by Podman's `conmon`; and the `ps` of a container counts from 1."""
    port, name = free_port(), f"listens-{network}"
    inside = "8080" if network == "bridge" else str(port)
    options: dict[str, Any] = {"network_mode": network}
    if network == "bridge":
        options["ports"] = {"8080/tcp": ("127.0.0.1", port)}
    container = client.containers.create(
        IMAGE, [PYTHON, "-c", LISTENS, inside], name=name, volumes=BINDS, **options
    )
    container.start()
    wait_for_line(container, b"up")
    container.reload()
    assert manager_of(engine, name).pids() == {container.attrs["State"]["Pid"]}
    seen = port_of(engine, docker_service(name, port=port))
    assert seen.ok, seen
    assert seen.owner
    assert seen.owner.ours
    made(client, f"stranger-{network}", SLEEPS)
    taken = port_of(engine, docker_service(f"stranger-{network}", port=port))
    assert taken.taken, "that of another container is a stranger's all the same"
    if network == "bridge":
        owner = taken.owner
        assert owner is not None
        action = KillProcess(
            service=docker_service(name, port=port),
            port=port,
            pid=owner.pid,
            process=owner.name,
            started_at=owner.started_at,
            identity=owner.identity,
        )
        with pytest.raises(Unsupported, match="is never killed"):
            kill(action)
    container.remove(force=True)


def test_a_limit_that_it_cannot_change_says_where_to_set_it(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    made(client, "limited", SLEEPS, **SMALL)
    try:
        manager_of(engine, "limited").set_memory_limit(128 * 2**20)
    except Unsupported as error:
        assert "Podman" in str(error)
        assert "set it where the container is described" in str(error)
    else:  # from Podman 5 on
        assert look_at(engine, docker_service("limited")).memory_limit == 128 * 2**20


def test_what_is_removed_when_it_stops_is_neither_stopped_nor_restarted(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    """As Quadlet makes each container. Podman removes half of them in the middle of a restart."""
    made(client, "short-lived", SLEEPS, auto_remove=True)
    manager = manager_of(engine, "short-lived")
    for change in (manager.stop, manager.restart):
        with pytest.raises(Unsupported, match="could not be started again"):
            change()
    assert look_at(engine, docker_service("short-lived")).running


def labels(directory: Path) -> dict[str, str]:
    """Those of podman-compose: all of Compose's but the one that says whether it is one of a `run`."""
    compose = "com.docker.compose."
    return {
        "io.podman.compose.project": "shop",
        f"{compose}project": "shop",
        f"{compose}service": "web",
        f"{compose}container-number": "1",
        f"{compose}project.working_dir": str(directory),
        f"{compose}project.config_files": str(directory / "compose.yaml"),
    }


def compose_file(directory: Path) -> Path:
    file = directory / "compose.yaml"
    binds = "".join(f"\n      - {bind}" for bind in BINDS)
    file.write_text(
        f"name: shop\nservices:\n  web:\n    image: {IMAGE}\n    network_mode: none\n    volumes:{binds}\n"
        f'    command: ["{PYTHON}", "-c", "{SLEEPS}"]\n'
    )
    return file


def test_what_podman_compose_made_is_counted_and_never_doubled(
    client: docker.DockerClient, engine: DockerEngine, tmp_path: Path
) -> None:
    compose_file(tmp_path)
    container = made(client, "shop_web_1", SLEEPS, labels=labels(tmp_path))
    manager = manager_of(engine, "shop_web_1")
    assert manager.replicas() == 1
    beside = "a second one beside it"
    with pytest.raises(Unsupported, match=beside):
        manager.scale(2)
    with pytest.raises(Unsupported, match=beside):
        manager.recreate({})
    with pytest.raises(Unsupported, match=beside):
        manager.roll_back(Version(name=IMAGE))
    assert manager.replicas() == 1
    container.remove(force=True)


def test_what_compose_made_is_recreated_from_the_image_that_runs(
    client: docker.DockerClient, engine: DockerEngine, socket: str, tmp_path: Path
) -> None:
    """Podman calls the image `docker.io/library/…`, or `localhost/…`, whatever the file says."""
    file = compose_file(tmp_path)
    environment = {**os.environ, "DOCKER_HOST": socket}
    compose = [compose_binary(), "--file", str(file)]
    subprocess.run([*compose, "up", "--detach", "--no-build"], env=environment, check=True, timeout=120)
    try:
        manager, service = manager_of(engine, "shop-web-1"), docker_service("shop-web-1")
        before = look_at(engine, service)
        assert before.image.endswith(IMAGE)
        manager.recreate({})
        after = look_at(engine, service)
        assert (after.running, after.image_id) == (True, before.image_id)
        assert before.started_at
        assert after.started_at
        assert after.started_at > before.started_at
        assert manager.replicas() == 1
    finally:
        subprocess.run([*compose, "down", "--timeout", "0"], env=environment, check=True, timeout=120)


@pytest.mark.parametrize(("health", "own"), [(None, OwnCheck.NONE), (60, OwnCheck.STARTING)])
def test_a_healthcheck_that_nobody_runs_is_waited_for_within_a_bound(
    client: docker.DockerClient, engine: DockerEngine, health: int | None, own: OwnCheck
) -> None:
    """Podman has a state without a word where there is none; and without systemd none is ever run."""
    check = {"test": ["CMD", PYTHON, "-V"], "interval": 60 * SECOND, "timeout": SECOND, "retries": 1}
    name = f"checked-{own}"
    made(client, name, SLEEPS, **({"healthcheck": check} if health else {}))
    seen = look_at(engine, docker_service(name))
    assert (seen.running, seen.own_check) == (True, own)
    assert seen.may_start_for == (timedelta(seconds=61) if health else None)


def test_out_of_memory_without_a_flag_is_a_question_and_no_crash(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    made(client, "outgrows", OUTGROWS, **SMALL).wait(timeout=60)
    seen = look_at(engine, docker_service("outgrows"))
    assert seen.exit_code == 137
    assert seen.oom_killed or (seen.stopped and not seen.crashed)


def test_killed_under_restart_always_stays_down_and_is_not_started_unasked(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    container = made(client, "killed-always", IGNORES, restart_policy={"Name": "always"})
    wait_for_line(container, b"up")
    container.kill()
    container.wait(timeout=60)
    seen = look_at(engine, docker_service("killed-always"))
    assert (seen.state, seen.stopped, seen.crashed) == (ProcessState.EXITED, True, False), seen


def test_its_restarts_are_counted_until_it_gives_up(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    """Docker calls what it is about to start again `restarting`; Podman calls it running or exited."""
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    made(client, "gives-up", "import sys; sys.exit(3)", restart_policy=policy)
    until = time.monotonic() + 60
    while (seen := look_at(engine, docker_service("gives-up"))).restarts < 2 or not seen.exited:
        assert time.monotonic() < until, seen
        time.sleep(0.1)
    assert (seen.exit_code, seen.crashed, seen.stopped) == (3, True, False)


def test_without_a_log_it_says_why(client: docker.DockerClient, engine: DockerEngine) -> None:
    made(client, "silent", SLEEPS, log_config={"Type": "none"})
    with pytest.raises(ManagerRefused, match="'none' log driver"):
        manager_of(engine, "silent").logs(5)
    assert look_at(engine, docker_service("silent")).ok


def test_a_share_of_the_cpu_that_it_does_not_tell_is_unknown_and_not_zero(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    made(client, "busy", "while True: pass", nano_cpus=SECOND // 2)
    usage = manager_of(engine, "busy").usage()
    assert usage.memory_used
    assert usage.cpu_share is None or usage.cpu_share > 0
    client.containers.get("busy").kill()


def test_its_default_network_has_its_own_name(client: docker.DockerClient, engine: DockerEngine) -> None:
    made(client, "joins", SLEEPS)
    manager, front = manager_of(engine, "joins"), f"front-{uuid.uuid4().hex[:8]}"
    assert manager.networks() == {"podman"}
    network = client.networks.create(front)  # all of this machine's Podmans see it
    try:
        manager.attach(front)
        assert manager.networks() == {"podman", front}
        with pytest.raises(Unsupported, match="no network called back"):
            manager.attach("back")
    finally:
        client.containers.get("joins").remove(force=True)
        network.remove()


def test_the_beginning_of_an_id_is_no_name(client: docker.DockerClient, engine: DockerEngine) -> None:
    container = made(client, "has-a-name", SLEEPS)
    assert look_at(engine, docker_service(str(container.id)[:12])).state is ProcessState.MISSING


@contextmanager
def activated(socket: str, listening: sockets.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Podman as `podman.socket` starts it: it ends when a second went by unasked. Its clock is India's."""
    directory, podman = Path(socket.removeprefix("unix://")).parent, shutil.which("podman")
    assert podman
    command: list[Any] = [sys.executable, "-c", ACTIVATED, str(listening.fileno()), podman]
    command += ["--root", directory / "root", "--runroot", directory / "run", "--cgroup-manager=cgroupfs"]
    variables = {"CONTAINERS_CONF": str(directory / "containers.conf"), "TZ": "Asia/Kolkata"}
    process = subprocess.Popen(
        [*command, "system", "service", "--time=1"],
        env={**os.environ, **variables},
        pass_fds=(listening.fileno(),),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
        process.wait(60)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(30)


def test_it_ends_between_two_looks_and_tells_its_times_in_another_zone(
    client: docker.DockerClient, socket: str, tmp_path: Path
) -> None:
    address = str(tmp_path / "a.sock")
    with sockets.socket(sockets.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        engine = DockerEngine(f"unix://{address}", timeout=60)
        made(client, "lives-on", SLEEPS)
        try:
            with activated(socket, listening):
                manager_of(engine, "lives-on").restart()
                first = look_at(engine, docker_service("lives-on"))
            with activated(socket, listening):  # on the same connection, which is closed
                second = look_at(engine, docker_service("lives-on"))
                assert b"up" in b"".join(manager_of(engine, "lives-on").logs(5).lines)
        finally:
            engine.close()
    assert first.ok, first
    assert second.ok, second
    assert second.started_at == first.started_at
    assert first.started_at
    assert abs(datetime.now(UTC) - first.started_at) < timedelta(minutes=5)
