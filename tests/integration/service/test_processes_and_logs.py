"""Logs of real containers and programs: bounded, cleaned, and read for what they mean now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.service.logs import LogActivities, LogsSeen
from models.evidence.logged import LoggedError
from models.service.service import LogScan, Service
from tests.parts.host.no_search import search_killed
from tests.parts.servers.docker_engine import MakeContainer, docker_service, wait_for, wait_for_line
from tests.parts.servers.docker_proxy import silent_socket
from tests.parts.servers.supervisor import StartSupervisord


@pytest.fixture
def managers(docker_client: object) -> Iterator[Managers]:
    engine = DockerEngine()
    yield Managers(engine)
    engine.close()


def read(managers: Managers, service: Service) -> LogsSeen:
    return ActivityEnvironment().run(LogActivities(managers).read_logs, service)


def test_both_streams_their_matches_and_no_secret(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container(
        "import sys\n"
        "print('connecting to postgres://app:hunter2@db:5432', flush=True)\n"
        "print('\\x1b[31mError: listen EADDRINUSE :::3000\\x1b[0m', file=sys.stderr, flush=True)\n"
        "sys.exit(1)"
    )
    wait_for(container, "exited")
    seen = read(managers, docker_service(container.name))
    assert seen.bad
    assert seen.has("port-in-use")
    assert seen.matches["port-in-use"].count == 1
    assert seen.matches["port-in-use"].sample == "Error: listen EADDRINUSE :::3000"
    assert set(seen.tail) == {
        "connecting to postgres://app:[redacted]@db:5432",
        "Error: listen EADDRINUSE :::3000",
    }
    assert seen.reason.startswith("in the last 2 lines of the log: port-in-use (1), the newest of 2")


def test_an_error_that_no_pattern_knows_is_named(start_supervisord: StartSupervisord) -> None:
    error = "TypeError: cannot read the price of " + "x" * 200
    supervisord = start_supervisord(
        web=f"import time; print('up' + chr(10) + {error!r}, flush=True); time.sleep(600)"
    )
    wait_for_lines(Path(supervisord.directory, "web.out"))
    seen = read(Managers(), supervisord.service("web"))
    assert seen.ok
    assert seen.reason.startswith("none of `logs.patterns` matches ")
    assert seen.reason.endswith(f"; the last error: {error[:119]}…")
    assert seen.last_error == LoggedError(text=error), "its log tells no times"


def test_the_time_of_the_last_error_is_told(managers: Managers, make_container: MakeContainer) -> None:
    began = datetime.now(UTC)
    container = make_container("print('TypeError: no price', 'bye', sep=chr(10), flush=True)")
    wait_for(container, "exited")
    seen = read(managers, docker_service(container.name))
    error = seen.last_error
    assert error and error.at
    assert error.text == "TypeError: no price"
    assert began - timedelta(seconds=5) < error.at < datetime.now(UTC) + timedelta(seconds=5)
    assert seen.reason.endswith(f"; the last error, of {error.at:%Y-%m-%d %H:%M:%S} UTC: TypeError: no price")


def test_a_pattern_that_never_ends_is_named(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container("print('a' * 60 + '!', flush=True)")
    wait_for(container, "exited")
    service = docker_service(container.name)
    service = service.model_copy(update={"logs": LogScan(patterns={"endless": r"(a+)+$"})})
    seen = read(managers, service)
    assert seen.unknown
    assert "the pattern endless takes too long on these lines" in seen.reason


def test_a_search_that_is_killed_blames_no_pattern(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(web="print('a' * 60 + '!')")
    service = supervisord.service("web", logs=LogScan(patterns={"endless": r"(a+)+$"}))
    wait_for_lines(Path(supervisord.directory, "web.out"))
    with search_killed():
        seen = read(Managers(), service)
    assert seen.unknown
    assert seen.reason.endswith(
        "; not searched for all patterns: the process that searches ended early (Killed)"
    )


def wait_for_lines(log: Path) -> None:
    until = time.monotonic() + 10
    while not (log.exists() and log.stat().st_size):
        assert time.monotonic() < until, "it has written nothing"
        time.sleep(0.02)


def test_a_quiet_log_is_ok(managers: Managers, make_container: MakeContainer) -> None:
    seen = read(managers, docker_service(make_container().name))
    assert seen.ok
    assert seen.tail == ("up",)


def test_errors_of_the_run_before_explain_nothing(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container(
        "import os, time\n"
        "first = not os.path.exists('/tmp/ran'); open('/tmp/ran', 'w').close()\n"
        "print('No space left on device' if first else 'all is well', flush=True)\n"
        "time.sleep(1.5 if first else 600)",  # what is said a second before a start counts as after it
        init=True,
    )
    wait_for(container, "exited")
    assert read(managers, docker_service(container.name)).has("disk-full")
    container.start()
    wait_for_line(container, b"all is well")
    seen = read(managers, docker_service(container.name))
    assert seen.ok
    assert seen.tail == ("No space left on device", "all is well")
    assert seen.reason == "none of `logs.patterns` matches the 1 line since its last start"


def test_in_a_crash_loop_the_last_crash_matters(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container(
        "import os, sys, time\n"
        "first = not os.path.exists('/tmp/ran'); open('/tmp/ran', 'w').close()\n"
        "if first: print('No space left on device', flush=True); sys.exit(1)\n"
        "time.sleep(600)",
        init=True,
        restart_policy={"Name": "always"},
    )
    until = time.monotonic() + 15
    while not container.attrs.get("RestartCount"):
        assert time.monotonic() < until
        container.reload()
    assert read(managers, docker_service(container.name)).has("disk-full")


def test_an_enormous_and_binary_log_is_bounded(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container(
        "import os, sys\n"
        "for _ in range(40): sys.stdout.buffer.write(b'x' * 1000000)\n"
        "for _ in range(4): sys.stdout.buffer.write(os.urandom(100000) + b'\\n')\n"
        "print('the end')"
    )
    wait_for(container, "exited", within=60)
    began = time.monotonic()
    seen = read(managers, docker_service(container.name, logs=LogScan(lines=5000)))
    assert time.monotonic() - began < 10
    assert seen.tail[-1] == "the end"
    assert all(len(line) <= 500 for line in seen.tail)
    assert len(seen.model_dump_json()) < 2**19
    assert all(character.isprintable() for line in seen.tail for character in line)


def test_only_as_many_lines_as_are_asked_for(managers: Managers, make_container: MakeContainer) -> None:
    container = make_container("for n in range(100): print(n)")
    wait_for(container, "exited")
    seen = read(managers, docker_service(container.name, logs=LogScan(lines=3)))
    assert seen.tail == ("97", "98", "99")


def test_a_log_that_cannot_be_read_is_unknown(managers: Managers) -> None:
    assert read(managers, docker_service("runbooks-test-nobody")).unknown
    with silent_socket() as path:
        seen = read(Managers(DockerEngine(f"unix://{path}", timeout=1)), docker_service("backend"))
    assert seen.unknown
    assert "did not answer" in seen.reason


def test_a_supervised_program(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(
        web="import os, sys\n"
        "for n in range(100): print(n)\n"
        "sys.stdout.buffer.write(os.urandom(300) + b'\\n')\n"
        "print('JavaScript heap out of memory token=abc', file=sys.stderr)"
    )
    service = supervisord.service("web", logs=LogScan(lines=10))
    until = time.monotonic() + 10
    while not (seen := read(Managers(), service)).bad:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert seen.matches["out-of-memory"].sample == "JavaScript heap out of memory token=[redacted]"
    assert seen.tail[-1] == "JavaScript heap out of memory token=[redacted]"
    assert len(seen.tail) == 10


def test_a_program_without_a_log_has_an_empty_one(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(web=("pass", {"stdout_logfile": "NONE", "stderr_logfile": "NONE"}))
    seen = read(Managers(), supervisord.service("web"))
    assert seen.ok
    assert seen.reason == "the log is empty"


def test_a_gigabyte_of_log_is_read_from_its_end(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(web=("pass", {"autostart": "false"}))
    log = Path(supervisord.directory, "web.out")
    with log.open("wb") as file:
        file.truncate(2**30)  # a hole of zeroes: as long as a gigabyte, and takes no room
        file.seek(0, 2)
        file.write(b"\nENOSPC at last\n")
    began = time.monotonic()
    seen = read(Managers(), supervisord.service("web"))
    assert time.monotonic() - began < 5
    assert seen.has("disk-full")
    assert seen.tail[-1] == "ENOSPC at last"
