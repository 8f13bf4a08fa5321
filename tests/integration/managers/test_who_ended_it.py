"""How a container ended, by the word of the engine: a crash, the kernel, or somebody who stopped it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.managers.docker_reading import grace_of
from activities.managers.process_seen import Ended, OwnCheck, ProcessSeen
from activities.service.processes import ProcessActivities
from models.service import service as configured
from models.service.service import HealthCheck, Service
from tests.parts.servers.docker_engine import BINDS, PYTHON, SLEEPS, MakeContainer, docker_service, wait_for
from tests.parts.servers.ruled_socket import RuledSocket, Rules

SECOND = 10**9
IGNORES = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
A_CHILD_OUTGROWS = """
import subprocess, sys, time
subprocess.run([sys.executable, "-c", "d = [bytearray(2**20) for _ in range(200)]"])
print("went on", flush=True)
time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 1)
sys.exit(1)
"""
SMALL = {"mem_limit": "64m", "memswap_limit": "64m"}


@pytest.fixture
def engine(docker_client: object) -> Iterator[DockerEngine]:
    engine = DockerEngine()
    yield engine
    engine.close()


def look(engine: DockerEngine, container: Container, **more: object) -> ProcessSeen:
    return look_at(engine, docker_service(container.name, **more))


def look_at(engine: DockerEngine, service: Service) -> ProcessSeen:
    seen = ActivityEnvironment().run(ProcessActivities(Managers(engine)).look_at_process, service)
    assert isinstance(seen, ProcessSeen)
    return seen


def test_killed_by_a_person_under_a_limit_is_a_crash(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    container = make_container(**SMALL)
    container.kill()
    seen = look(engine, container)
    assert (seen.exit_code, seen.oom_killed, seen.ended) == (137, False, Ended.KILLED)
    assert seen.crashed
    assert seen.crashed_at == seen.finished_at
    assert seen.reason.startswith("killed by somebody (exit code 137)")


def test_a_child_that_was_killed_for_memory_earlier_explains_no_exit(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    container = make_container(A_CHILD_OUTGROWS, **SMALL)
    wait_for(container, "exited")
    container.reload()
    assert container.attrs["State"]["OOMKilled"], "the engine's flag is set, and stays"
    seen = look(engine, container)
    assert (seen.exit_code, seen.oom_killed, seen.oom_killed_before) == (1, False, True)
    assert seen.crashed
    assert "another of its processes for memory" in seen.reason


def test_a_child_was_killed_for_memory_and_later_somebody_killed_the_rest(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    """The flag of the engine and exit code 137 together: still no word of the kernel about this end."""
    container = make_container(A_CHILD_OUTGROWS.replace("else 1)", "else 600)"), **SMALL)
    _said(container, b"went on")
    container.kill()
    seen = look(engine, container)
    assert (seen.exit_code, seen.oom_killed, seen.oom_killed_before) == (137, False, True)


def _said(container: Container, line: bytes) -> None:
    until = time.monotonic() + 15
    while line not in container.logs():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("code", "options", "exit_code"),
    [
        (SLEEPS, {}, 0),
        ("import time; print('up', flush=True); time.sleep(600)", {"init": True}, 143),
        (IGNORES, {}, 137),
        (SLEEPS, {"stop_signal": "SIGINT"}, 130),
        (SLEEPS, {"restart_policy": {"Name": "unless-stopped"}}, 0),
    ],
)
def test_stopped_by_somebody_is_no_crash(
    engine: DockerEngine, make_container: MakeContainer, code: str, options: dict[str, object], exit_code: int
) -> None:
    container = make_container(code, **options)
    _said(container, b"up")
    container.stop(timeout=1)
    seen = look(engine, container)
    assert (seen.exit_code, seen.ended, seen.crashed, seen.stopped) == (exit_code, Ended.STOPPED, False, True)
    assert (seen.crashed_at, seen.deaths) == (None, ())
    assert seen.reason.startswith("stopped by somebody")


def test_asked_to_end_by_its_signal_is_stopped(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container()
    container.kill("SIGTERM")
    wait_for(container, "exited")
    assert look(engine, container).stopped


def test_a_reload_by_sighup_explains_no_crash(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container(
        "import signal, sys, time; signal.signal(signal.SIGHUP, lambda *_: sys.exit(5))\n"
        "print('up', flush=True); time.sleep(600)"
    )
    _said(container, b"up")
    container.kill("SIGHUP")
    wait_for(container, "exited")
    seen = look(engine, container)
    assert (seen.exit_code, seen.ended, seen.crashed) == (5, Ended.BY_ITSELF, True)


def test_an_exit_with_0_that_nobody_asked_for_is_a_crash(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    container = make_container("pass")
    wait_for(container, "exited")
    seen = look(engine, container)
    assert (seen.exit_code, seen.ended, seen.crashed) == (0, Ended.BY_ITSELF, True)


def test_while_it_is_being_stopped_it_is_neither_well_nor_crashed(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    container = make_container(IGNORES)
    _said(container, b"up")
    container.kill("SIGTERM")
    seen = look(engine, container)
    assert seen.running
    assert seen.stopping
    assert "is being stopped by somebody" in seen.reason


def test_a_container_that_was_restarted_is_not_being_stopped(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    container = make_container()
    container.restart(timeout=2)
    seen = look(engine, container)
    assert seen.running
    assert not seen.stopping
    assert seen.age
    assert seen.age.total_seconds() < 30


def test_its_restart_policy_brings_it_back_and_the_deaths_are_remembered(
    engine: DockerEngine, make_container: MakeContainer
) -> None:
    container = make_container(
        "import sys, time; time.sleep(0.3); sys.exit(3)", restart_policy={"Name": "always"}
    )
    until = time.monotonic() + 20
    while len((seen := look(engine, container)).deaths) < 2:
        assert time.monotonic() < until, seen
    assert seen.restarts >= 1
    assert seen.deaths == tuple(sorted(seen.deaths))


def test_a_removed_container_says_when(engine: DockerEngine, make_container: MakeContainer) -> None:
    container = make_container()
    container.remove(force=True)
    seen = look(engine, container)
    assert seen.down
    assert seen.ended_ago is not None
    assert "it was removed" in seen.reason


def without_events(directory: Path) -> RuledSocket:
    """A proxy before the engine that lets everything through but its events."""
    rules = Rules.of(["-allowHEAD=/_ping", r"-allowGET=(/v1\.[0-9]{1,2})?/(_ping|version|containers/.*)"])
    return RuledSocket(directory / "ruled.sock", rules)


@pytest.mark.parametrize(
    ("code", "end", "options", "stopped"),
    [
        (SLEEPS, "stop", {}, True),
        (IGNORES, "stop", {}, True),
        (SLEEPS, "kill", {}, True),
        ("print('up'); raise SystemExit(1)", "itself", {}, False),
        (SLEEPS, "kill", {"restart_policy": {"Name": "always"}}, True),
    ],
)
def test_what_the_engine_may_not_tell_is_judged_by_the_exit_code_and_the_policy(
    make_container: MakeContainer,
    tmp_path: Path,
    code: str,
    end: str,
    options: dict[str, object],
    stopped: bool,
) -> None:
    """Its last 256 events are all that an engine knows. 137 may be the end of a stop that took too long."""
    container = make_container(code, **options)
    _said(container, b"up")
    ways: dict[str, Callable[[], None]] = {"stop": lambda: container.stop(timeout=1), "kill": container.kill}
    if end in ways:
        ways[end]()
    wait_for(container, "exited")
    with closing(without_events(tmp_path)) as proxy:
        engine = DockerEngine(proxy.url)
        seen = look(engine, container)
        engine.close()
    assert any(path.endswith("/events") or "/events?" in path for _, path in proxy.refused)
    assert (seen.stopped, seen.crashed) == (stopped, not stopped)
    assert seen.deaths == ()


def checked(*test: str, start_period: int = 0, retries: int = 1) -> dict[str, object]:
    check = {"test": ["CMD", *test], "interval": SECOND // 4, "timeout": SECOND, "retries": retries}
    return {"healthcheck": {**check, "start_period": start_period * SECOND}}


FAILS = (PYTHON, "-c", "print('password=hunter2 no free slot'); raise SystemExit(1)")


@pytest.mark.parametrize(
    ("check", "found", "says"),
    [
        (checked(*FAILS), OwnCheck.UNHEALTHY, "no free slot"),
        (checked(PYTHON, "-c", "import time; time.sleep(9)"), OwnCheck.TIMED_OUT, "exceeded timeout"),
        (checked("no-such-program", "-f"), OwnCheck.BROKEN, "itself cannot run"),
        (checked(PYTHON, "-c", "pass"), OwnCheck.HEALTHY, "running for"),
        (checked(*FAILS, start_period=60), OwnCheck.STARTING, "still counts it as starting"),
    ],
)
def test_its_own_healthcheck_is_evidence(
    engine: DockerEngine,
    make_container: MakeContainer,
    check: dict[str, object],
    found: OwnCheck,
    says: str,
) -> None:
    container = make_container(**check)
    until = time.monotonic() + 20
    while (seen := look(engine, container)).own_check is not found or says not in seen.reason:
        assert time.monotonic() < until, seen
        time.sleep(0.1)
    assert "hunter2" not in seen.reason
    assert seen.bad == (found in (OwnCheck.UNHEALTHY, OwnCheck.TIMED_OUT)), "where nothing else is checked"
    asked = look(engine, container, health=HealthCheck(url="http://127.0.0.1:1/"))
    assert asked.ok, "where a check of ours is configured, it is evidence only"
    assert (seen.may_start_for is not None) == (found is OwnCheck.STARTING)
    assert (seen.own_check_passed_at is not None) == (found is OwnCheck.HEALTHY)


@pytest.mark.parametrize(
    ("own", "ours", "seconds"), [(60, None, 60), (60, "3s", 3), (None, None, 10), (-1, None, 480)]
)
def test_it_has_its_own_time_to_end(own: int | None, ours: str | None, seconds: int) -> None:
    manager = configured.DockerManager.model_validate({"container": "web", "stop_timeout": ours})
    assert grace_of({"Config": {"StopTimeout": own}}, manager.stop_timeout) == seconds
    assert grace_of({"Config": {}}, manager.stop_timeout) == (3 if ours else 10)


def test_a_restart_leaves_it_as_long_as_the_container_says(
    docker_client: docker.DockerClient, image: str, engine: DockerEngine
) -> None:
    """It says one second: with the ten of the engine it would have come to its last line."""
    slow = SLEEPS.replace("lambda *_: sys.exit(0)", "lambda *_: (time.sleep(4), print('saved', flush=True))")
    name = f"runbooks-test-{uuid.uuid4().hex[:10]}"
    host = docker_client.api.create_host_config(binds=BINDS)
    docker_client.api.create_container(
        image, [PYTHON, "-c", slow], name=name, host_config=host, stop_timeout=1
    )
    container = docker_client.containers.get(name)
    try:
        container.start()
        _said(container, b"up")
        manager = configured.DockerManager(container=name)
        Managers(engine).of(Service(name="backend", manager=manager)).restart()
        assert b"saved" not in container.logs()
    finally:
        container.remove(force=True)
