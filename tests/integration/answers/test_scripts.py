"""The commands of an answer, run for real: their exit status, their environment, and every bound."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from temporalio.exceptions import CancelledError
from temporalio.testing import ActivityEnvironment

from activities.answers import script
from activities.answers.answers import (
    LOOK_ENDS_WITHIN,
    LOOK_WITHIN,
    AnswerActivities,
    AnswerSeen,
    LookByScript,
    WatchByScript,
)
from activities.answers.script import CannotRun, Ended, run_script
from activities.support.stability import Samples
from models.evidence.evidence import Finding
from tests.parts.servers.docker_engine import docker_service
from workflows.diagnosis.look import TIMEOUT

OWN_VARIABLE = "PYTEST_CURRENT_TEST"
SOON = timedelta(seconds=30)


def program(directory: Path, text: str) -> str:
    path = directory / "program"
    path.write_text(text)
    path.chmod(0o700)
    return str(path)


def run(directory: Path, text: str, within: timedelta = SOON, environment: tuple[str, ...] = ()) -> Ended:
    return run_script((program(directory, f"#!/bin/sh\n{text}"),), within, environment)


def look(*command: str, environment: tuple[str, ...] = ()) -> AnswerSeen:
    request = LookByScript(service=docker_service("web"), command=command, environment=environment)
    return ActivityEnvironment().run(AnswerActivities().look_by_script, request)


@pytest.mark.parametrize(
    ("text", "finding", "reason"),
    [
        ("#!/bin/sh\necho fine", Finding.OK, "fine"),
        ("#!/bin/sh\nexit 0", Finding.OK, "exited with 0"),
        ("#!/bin/sh\necho 97 % full; exit 1", Finding.BAD, "97 % full"),
        ("#!/bin/sh\necho 'no such module' >&2; exit 1", Finding.UNKNOWN, "it may have failed itself"),
        ("#!/bin/sh\necho odd; exit 2", Finding.UNKNOWN, "exited with 2: odd"),
        ("#!/bin/sh\nexec /nowhere", Finding.UNKNOWN, "exited with 127"),
        ("#!/bin/sh\nkill -9 $$", Finding.UNKNOWN, "was ended by SIGKILL"),
        ("#!/no/interpreter\n", Finding.UNKNOWN, "cannot be run: No such file"),
        ("no interpreter at all\n", Finding.UNKNOWN, "cannot be run: Exec format error"),
        ("", Finding.UNKNOWN, "cannot be run: Exec format error"),
    ],
)
def test_only_0_and_a_spoken_1_say_something_of_the_service(
    tmp_path: Path, text: str, finding: Finding, reason: str
) -> None:
    seen = look(program(tmp_path, text))
    assert seen.finding is finding
    assert reason in seen.reason


def test_a_script_that_may_not_be_executed_or_is_missing_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "program"
    assert "No such file" in look(str(path)).reason
    path.write_text("#!/bin/sh\n")
    path.chmod(0o600)
    assert "Permission denied" in look(str(path)).reason
    assert look(str(path)).unknown


def test_a_script_gets_a_fixed_environment_and_what_is_named(tmp_path: Path) -> None:
    got = tmp_path / "got"
    for named in ((), (OWN_VARIABLE,)):
        run(tmp_path, f"tr '\\0' '\\n' < /proc/$$/environ > {got}; pwd >> {got}", environment=named)
        lines = got.read_text().splitlines()
        names = {line.partition("=")[0] for line in lines if "=" in line}
        assert names == {"PATH", "LANG", *(["HOME"] if "HOME" in os.environ else []), *named}
        assert f"PATH={script.PATH}" in lines
        assert lines[-1] == "/"


def test_a_script_whose_variable_is_not_set_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="NOT_SET_1 is not set: set it for the worker"):
        run(tmp_path, f"touch {tmp_path}/ran", environment=("NOT_SET_1",))
    assert not (tmp_path / "ran").exists()


def test_what_a_script_prints_is_redacted_and_one_readable_line(tmp_path: Path) -> None:
    words = run(tmp_path, "printf 'first\\n\\033[31mpassword=hunter2hunter2 %s\\n' \"$(seq -s. 400)\"").words
    assert "hunter2" not in words
    assert "\033" not in words
    assert len(words) <= 300


def test_the_value_of_a_named_variable_is_hidden_in_what_a_script_prints(tmp_path: Path) -> None:
    value = os.environ[OWN_VARIABLE]
    words = run(tmp_path, f'echo "it is ${OWN_VARIABLE}!"', environment=(OWN_VARIABLE,)).words
    assert words.startswith("it is")
    assert value not in words


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        f"(trap '' TERM; echo $$ > {tmp_path}/other; sleep 600) & echo $! > {tmp_path}/child; sleep 600",
        within=timedelta(seconds=1),
    )
    assert ended.status is None
    assert "maybe half done" in ended.says("x", SOON)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.1)


def test_a_look_that_is_cancelled_leaves_no_script_running(tmp_path: Path) -> None:
    command = program(tmp_path, f"#!/bin/sh\necho $$ > {tmp_path}/pid; exec sleep 600")
    request = LookByScript(service=docker_service("web"), command=(command,))
    environment = ActivityEnvironment()
    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(environment.run, AnswerActivities().look_by_script, request)
        until = time.monotonic() + 10
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert time.monotonic() < until
            time.sleep(0.05)
        environment.cancel()
        with pytest.raises(CancelledError):
            looking.result(timeout=30)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_look_that_must_be_killed_is_over_before_nobody_waits_for_it() -> None:
    assert LOOK_WITHIN + 2 * LOOK_ENDS_WITHIN < TIMEOUT


def test_proofs_that_hang_leave_the_threads_of_the_worker_free(tmp_path: Path) -> None:
    """And what finds no place of its own says nothing of the service. Its loop has but one thread."""
    asyncio.run(_proofs_that_hang(tmp_path))


async def _proofs_that_hang(tmp_path: Path) -> None:
    command = program(tmp_path, f"#!/bin/sh\ntouch {tmp_path}/up; exec sleep 600")
    request = WatchByScript(service=docker_service("web"), command=(command,), stable_for=SOON)
    answers = AnswerActivities(proofs_at_once=1, waits=timedelta(milliseconds=500))
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    beats: list[Samples] = []
    second = ActivityEnvironment()
    second.on_heartbeat = beats.append
    watches = [asyncio.create_task(ActivityEnvironment().run(answers.watch_by_script, request))]
    await until((tmp_path / "up").exists)
    watches.append(asyncio.create_task(second.run(answers.watch_by_script, request)))
    try:
        await asyncio.wait_for(asyncio.to_thread(lambda: None), 5)
        await until(lambda: any("as many scripts as may" in str(one) for one in beats))
    finally:
        for one in psutil.Process().children():
            if "sleep" in one.name():
                one.kill()
        for task in watches:
            task.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(300):
        if true():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not become true")


def test_a_child_that_keeps_the_output_open_holds_nobody_up(tmp_path: Path) -> None:
    ended = run(
        tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; echo started", within=timedelta(minutes=5)
    )
    psutil.Process(int((tmp_path / "child").read_text())).kill()
    assert (ended.status, ended.said) == (0, "started")


def test_a_flood_of_output_is_read_and_only_its_end_kept(tmp_path: Path) -> None:
    before = psutil.Process().memory_info().rss
    ended = run(tmp_path, "head -c 300000000 /dev/zero | tr '\\0' 'x'; echo; echo the end", within=SOON * 4)
    assert (ended.status, ended.said) == (0, "the end")
    assert psutil.Process().memory_info().rss - before < 50 * 2**20
