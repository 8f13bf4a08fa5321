"""What a container looks like from outside, in every state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.managers.process_seen import Ended, ProcessSeen, ProcessState
from activities.service.processes import ProcessActivities
from models.evidence.evidence import Finding
from models.service.service import Service
from tests.parts.servers.docker_engine import SLEEPS, MakeContainer, docker_service, published, wait_for
from tests.parts.servers.docker_proxy import docker_proxy, silent_socket


@pytest.fixture
def engine(docker_client: object) -> Iterator[DockerEngine]:
    engine = DockerEngine()
    yield engine
    engine.close()


def look(engine: DockerEngine, service: Service) -> ProcessSeen:
    seen = ActivityEnvironment().run(ProcessActivities(Managers(engine)).look_at_process, service)
    assert isinstance(seen, ProcessSeen)
    assert seen.observed_at is not None
    return seen


def test_running_with_its_limit_and_use(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container(mem_limit="256m")
    seen = look(engine, docker_service(container.name))
    assert seen.ok
    assert seen.running
    assert seen.reason.startswith("running for ")
    assert seen.memory_limit == 256 * 2**20
    assert seen.memory_used is not None
    assert 2**20 < seen.memory_used < 256 * 2**20
    assert seen.cpu_share is not None
    assert seen.cpu_share < 0.9
    assert seen.image.startswith("runbooks-test:")
    assert seen.pid
    assert seen.started_at


def test_busy_at_its_cpu_limit(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container("while True: pass", nano_cpus=200_000_000)
    until = time.monotonic() + 20
    while (look(engine, docker_service(container.name)).cpu_share or 0) < 0.6:
        assert time.monotonic() < until, "the container never came near its limit"


def test_exit_code_in_the_reason(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container("import sys; sys.exit(3)")
    wait_for(container, "exited")
    seen = look(engine, docker_service(container.name))
    assert seen.bad
    assert seen.exited
    assert seen.exit_code == 3
    assert seen.reason.startswith("exited with code 3, ")
    assert not seen.oom_killed
    assert seen.ended is Ended.BY_ITSELF


def test_killed_for_lack_of_memory(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container(
        "data = [bytearray(2**20) for _ in range(200)]", mem_limit="32m", memswap_limit="32m"
    )
    wait_for(container, "exited")
    seen = look(engine, docker_service(container.name))
    assert seen.bad
    assert seen.oom_killed
    assert not seen.oom_killed_before
    assert seen.exit_code == 137
    assert "lack of memory at its limit of 32 MiB" in seen.reason


def test_crash_loop(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container("import sys; sys.exit(7)", restart_policy={"Name": "always"})
    wait_for(container, "restarting")
    until = time.monotonic() + 15
    while (seen := look(engine, docker_service(container.name))).state is not ProcessState.RESTARTING:
        assert time.monotonic() < until
    assert seen.bad
    assert "crashes again and again" in seen.reason
    assert seen.exit_code == 7


def test_paused(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container()
    container.pause()
    seen = look(engine, docker_service(container.name))
    assert seen.bad
    assert seen.state is ProcessState.PAUSED
    assert seen.exit_code is None


def test_missing(engine: DockerEngine) -> None:
    seen = look(engine, docker_service("runbooks-test-nobody"))
    assert seen.bad
    assert seen.state is ProcessState.MISSING
    assert seen.reason == "there is no container called runbooks-test-nobody"


def test_the_beginning_of_an_id_is_not_a_name(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container()
    assert container.id
    assert look(engine, docker_service(container.id[:12])).state is ProcessState.MISSING


def test_never_started_says_what_docker_said(engine: DockerEngine, make_container: MakeContainer) -> None:
    holder = make_container(ports={"8080/tcp": ("127.0.0.1", None)})
    port = published(holder)
    name = f"{holder.name}-second"
    with pytest.raises(Exception, match="already allocated"):
        make_container(name=name, ports={"8080/tcp": ("127.0.0.1", port)})
    seen = look(engine, docker_service(name))
    assert seen.bad
    assert "never started" in seen.reason
    assert "port is already allocated" in seen.reason


def test_an_absent_socket_is_unknown(tmp_path: Path) -> None:
    engine = DockerEngine(f"unix://{tmp_path}/none.sock")
    seen = look(engine, docker_service("backend"))
    assert seen.finding is Finding.UNKNOWN
    assert seen.state is ProcessState.UNKNOWN
    assert seen.reason == f"Docker's socket unix://{tmp_path}/none.sock does not exist"


def test_a_refusing_socket_is_unknown(tmp_path: Path) -> None:
    with docker_proxy(loses=b"nothing") as proxy:
        proxy.close()
        seen = look(DockerEngine(proxy.url), docker_service("backend"))
    assert seen.unknown
    assert seen.reason == f"nobody listens at Docker's socket {proxy.url}"


def test_a_hung_socket_is_unknown_in_bounded_time() -> None:
    with silent_socket() as path:
        began = time.monotonic()
        seen = look(DockerEngine(f"unix://{path}", timeout=1), docker_service("backend"))
        took = time.monotonic() - began
    assert seen.unknown
    assert seen.reason == f"Docker at unix://{path} did not answer within 1 s"
    assert took < 4


def test_an_engine_that_comes_back_is_used_again(make_container: MakeContainer) -> None:
    container = make_container(SLEEPS)
    with docker_proxy(loses=b"/json HTTP") as proxy:
        engine = DockerEngine(proxy.url)
        assert look(engine, docker_service(container.name)).unknown
        proxy.lose(b"nothing")
        assert look(engine, docker_service(container.name)).ok
        engine.close()


def test_without_statistics_the_state_is_still_told(make_container: MakeContainer) -> None:
    container = make_container()
    with docker_proxy(loses=b"/stats") as proxy:
        engine = DockerEngine(proxy.url)
        seen = look(engine, docker_service(container.name))
        engine.close()
    assert seen.ok
    assert seen.memory_used is None
