"""Podman's socket as a Docker engine: a real Podman, and what it tells less than Docker."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from activities.doctor.services import check_manager
from activities.managers import DockerEngine, Managers
from activities.managers.process_seen import Ended, ProcessState
from activities.stack.engines import EngineActivities
from tests.integration.managers.test_who_ended_it import look_at
from tests.parts.requirements import missing
from tests.parts.servers.docker_engine import BINDS, PYTHON, docker_service, import_image, wait_for_line

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
ENDS = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0));"
    "print('up', flush=True); time.sleep(600)"
)
IMAGE = "runbooks-test:podman"


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    """A Podman of its own: its storage, its socket, and no limits that this machine would refuse."""
    podman = shutil.which("podman")
    if podman is None or os.geteuid() != 0:
        missing("needs podman, and root to run it")
    with tempfile.TemporaryDirectory(prefix="pm-") as temporary:
        directory = Path(temporary)
        settings = directory / "containers.conf"
        settings.write_text('[containers]\ndefault_ulimits=["nofile=1024:1024", "nproc=4096:4096"]\n')
        where = ["--root", f"{directory}/root", "--runroot", f"{directory}/run", "--cgroup-manager=cgroupfs"]
        command = [podman, *where, "system", "service", "--time=0", f"unix://{directory}/p.sock"]
        environment = {**os.environ, "CONTAINERS_CONF": str(settings)}
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 60
            while not (directory / "p.sock").exists():
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < until, (directory / "log").read_text()
                time.sleep(0.05)
            yield f"unix://{directory}/p.sock"
        finally:
            process.terminate()
            process.wait(30)
            subprocess.run(
                [podman, *where, "rm", "-f", "-a", "-t", "0"], env=environment, check=False, timeout=60
            )
            subprocess.run([podman, *where, "unmount", "-a"], env=environment, check=False, timeout=60)


@pytest.fixture(scope="module")
def client(socket: str) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=socket, timeout=60)
    import_image(client, IMAGE)
    yield client
    client.close()


@pytest.fixture
def engine(socket: str, client: docker.DockerClient) -> Iterator[DockerEngine]:
    engine = DockerEngine(socket, timeout=60)
    yield engine
    engine.close()


def made(client: docker.DockerClient, name: str, code: str, **options: Any) -> Container:
    container = client.containers.create(IMAGE, [PYTHON, "-c", code], name=name, volumes=BINDS, **options)
    container.start()
    return container


def test_it_is_named_and_its_containers_are_seen_restarted_and_started(
    client: docker.DockerClient, engine: DockerEngine
) -> None:
    made(client, "shop", SLEEPS, mem_limit="64m")
    service, manager = docker_service("shop"), Managers(engine).of(docker_service("shop"))
    before = look_at(engine, service)
    assert before.ok
    assert before.started_at
    assert before.memory_limit == 64 * 2**20
    assert b"up" in b"".join(manager.logs(5).lines)
    manager.restart()
    again = look_at(engine, service)
    assert again.running
    assert again.started_at
    assert again.started_at > before.started_at
    manager.stop()
    manager.start()
    assert look_at(engine, service).running
    assert engine.name().startswith("Podman ")
    found = EngineActivities(engine)._containers()
    assert found.reason.startswith("Podman ")


@pytest.mark.parametrize(("name", "code"), [("in-order", ENDS), ("killed-at-last", SLEEPS)], ids=["0", "137"])
def test_stopped_by_a_person_is_not_started_unasked(
    client: docker.DockerClient, engine: DockerEngine, name: str, code: str
) -> None:
    """It tells that the container died, as after a crash: its exit code decides, and in doubt a person."""
    container = made(client, name, code)
    wait_for_line(container, b"up")
    container.stop(timeout=1)
    seen = look_at(engine, docker_service(name))
    assert (seen.state, seen.stopped, seen.crashed) == (ProcessState.EXITED, True, False), seen


def test_exited_with_an_error_is_a_crash(client: docker.DockerClient, engine: DockerEngine) -> None:
    container = made(client, "crashes", "import sys; sys.exit(3)")
    container.wait(timeout=60)
    seen = look_at(engine, docker_service("crashes"))
    assert (seen.exit_code, seen.crashed, seen.ended is Ended.STOPPED) == (3, True, False), seen


def test_never_started_is_down_and_known(client: docker.DockerClient, engine: DockerEngine) -> None:
    client.containers.create(IMAGE, [PYTHON, "-c", SLEEPS], name="made", volumes=BINDS)
    seen = look_at(engine, docker_service("made"))
    assert seen.state is ProcessState.EXITED
    assert look_at(engine, docker_service("nope")).state is ProcessState.MISSING


def test_doctor_names_it(client: docker.DockerClient, socket: str) -> None:
    made(client, "looked-at", SLEEPS)
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = socket
    try:
        check = asyncio.run(check_manager(docker_service("looked-at"), Managers(DockerEngine(socket))))
    finally:
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before
    assert check.ok
    assert check.name.startswith("container looked-at of backend (Podman ")
