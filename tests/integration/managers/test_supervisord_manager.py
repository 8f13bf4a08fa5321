"""What a program of supervisord looks like, and what is done to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.managers import Managers, ServiceManager
from activities.managers.process_seen import ProcessSeen, ProcessState
from activities.service.actions import ActionActivities
from activities.service.processes import ProcessActivities
from models.actions.change import ActionResult, Perform
from models.actions.service import RaiseMemoryLimit, RestartService, RollBack, ScaleOut, StartService
from models.service import service as configured
from models.service.service import Service
from tests.parts.servers.docker_proxy import silent_socket
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord, Supervisord


def look(service: Service) -> ProcessSeen:
    return ActivityEnvironment().run(ProcessActivities(Managers()).look_at_process, service)


def look_until(service: Service, condition: Callable[[ProcessSeen], bool]) -> ProcessSeen:
    until = time.monotonic() + 15
    while not condition(seen := look(service)):
        assert time.monotonic() < until, seen
        time.sleep(0.05)
    return seen


def said(supervisord: Supervisord, program: str, line: str) -> None:
    """Wait until a program has written this."""
    output = supervisord.directory / f"{program}.out"
    until = time.monotonic() + 15
    while not output.exists() or line not in output.read_text():
        assert time.monotonic() < until, f"{program} never wrote {line}"
        time.sleep(0.05)


def perform(method: str, action: Any, asked_at: datetime | None = None) -> ActionResult:
    effects = ActionActivities(Managers(), settles_within=timedelta(seconds=3))
    request: Perform[Any] = Perform(action=action, asked_at=asked_at or datetime.now(UTC))
    effect = ActivityEnvironment().run(getattr(effects, method), request)
    assert isinstance(effect, ActionResult)
    return effect


def supervisor_manager(service: Service) -> ServiceManager:
    return Managers().of(service)


def test_running(start_supervisord: StartSupervisord) -> None:
    service = start_supervisord(web=SLEEPS).service("web")
    seen = look_until(service, lambda seen: seen.running and (seen.memory_used or 0) > 2**20)
    assert seen.ok
    assert seen.reason.startswith("running for ")
    assert seen.cpu_share is not None
    assert seen.started_at
    assert abs(datetime.now(UTC) - seen.started_at) < timedelta(seconds=10)


def test_exit_code(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(web="import time, sys; time.sleep(1.1); sys.exit(3)")
    seen = look_until(supervisord.service("web"), lambda seen: seen.exited)
    assert seen.bad
    assert seen.exit_code == 3
    assert seen.reason.startswith("exited with code 3, ")


def test_killed_by_a_person_under_a_limit_is_a_crash_and_not_out_of_memory(
    start_supervisord: StartSupervisord, tmp_path: Path
) -> None:
    limit = tmp_path / "limit"
    limit.write_text("67108864\n")
    service = start_supervisord(web=SLEEPS).service("web", memory_limit_file=limit)
    seen = look_until(service, lambda seen: seen.running)
    assert seen.pid
    os.kill(seen.pid, signal.SIGKILL)
    ended = look_until(service, lambda seen: seen.exited)
    assert ended.exit_code == 137
    assert ended.reason.startswith("killed by signal 9 (exit code 137)")
    assert not ended.oom_killed
    assert ended.memory_limit == 64 * 2**20
    assert ended.crashed
    assert not ended.stopped


def test_gives_up_on_what_crashes_at_its_start(start_supervisord: StartSupervisord) -> None:
    options = {"startsecs": "5", "autorestart": "true", "startretries": "1"}
    service = start_supervisord(web=("import sys; sys.exit(9)", options)).service("web")
    seen = look_until(service, lambda seen: seen.exited)
    assert seen.reason.startswith("supervisord gave up starting it, at last: exited with code 9")
    assert seen.exit_code == 9


def test_stopped_by_somebody_is_no_crash(start_supervisord: StartSupervisord) -> None:
    """Whatever its exit code is: 0, that of SIGTERM, or that of SIGKILL when it had ignored it."""
    ignores = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
    polite = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); {SLEEPS}"
    codes = {"sleeps": SLEEPS, "polite": polite, "ignores": (ignores, {"stopwaitsecs": "1"})}
    supervisord = start_supervisord(**codes)
    for name in codes:
        service = supervisord.service(name)
        said(supervisord, name, "up")
        supervisor_manager(service).stop()
        seen = look(service)
        assert (seen.exited, seen.stopped, seen.crashed, seen.crashed_at) == (True, True, False, None), seen
        assert seen.reason.startswith("stopped by somebody"), seen.reason
        assert seen.deaths == (), seen.deaths


def test_what_ends_later_than_one_answer_may_take_is_still_restarted(
    start_supervisord: StartSupervisord,
) -> None:
    """It has its own time to end. A restart that stopped waiting would leave it stopped."""
    slow = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(7), sys.exit(0)))\n"
        "print('up', flush=True); time.sleep(600)"
    )
    supervisord = start_supervisord(web=(slow, {"stopwaitsecs": "60"}))
    service = supervisord.service("web")
    said(supervisord, "web", "up")
    before = look_until(service, lambda seen: seen.running)
    assert perform("restart_service", RestartService(service=service)).done
    after = look(service)
    assert after.running
    assert after.pid != before.pid


def test_a_loop_that_supervisord_calls_running_shows_by_its_deaths(
    start_supervisord: StartSupervisord,
) -> None:
    """With `startsecs=0` each short life counts as running, and supervisord never gives up."""
    options = {"startsecs": "0", "autorestart": "true"}
    service = start_supervisord(web=("import sys; sys.exit(9)", options)).service("web")
    seen = look_until(service, lambda seen: seen.restarts >= 3)
    assert datetime.now(UTC) - seen.deaths[-1] < timedelta(minutes=1)


def test_lives_that_last_are_known_to_be_started_anew_by_supervisord(
    start_supervisord: StartSupervisord,
) -> None:
    lasting = ("import sys, time; time.sleep(1.5); sys.exit(9)", {"startsecs": "1", "autorestart": "true"})
    service = start_supervisord(web=lasting).service("web")
    seen = look_until(service, lambda seen: seen.restarts >= 2)
    assert len(seen.deaths) >= 2


def test_what_somebody_starts_was_not_started_anew_by_supervisord(
    start_supervisord: StartSupervisord,
) -> None:
    supervisord = start_supervisord(web="import sys, time; time.sleep(1.1); sys.exit(3)")
    service = supervisord.service("web")
    ended = look_until(service, lambda seen: seen.exited)
    assert ended.finished_at
    while datetime.now(UTC) - ended.finished_at < timedelta(seconds=2.5):
        look(service)
    supervisor_manager(service).start()
    seen = look_until(service, lambda seen: seen.running)
    assert (len(seen.deaths), seen.restarts) == (1, 0)


def test_crash_loop(start_supervisord: StartSupervisord) -> None:
    options = {"startsecs": "5", "autorestart": "true", "startretries": "100"}
    service = start_supervisord(web=("import sys; sys.exit(9)", options)).service("web")
    seen = look_until(service, lambda seen: seen.state is ProcessState.RESTARTING)
    assert seen.bad
    assert seen.reason.startswith("crashes again and again right after its start")


def test_missing(start_supervisord: StartSupervisord) -> None:
    seen = look(start_supervisord(web=SLEEPS).service("nobody"))
    assert seen.bad
    assert seen.state is ProcessState.MISSING


def test_never_started(start_supervisord: StartSupervisord) -> None:
    seen = look(start_supervisord(web=(SLEEPS, {"autostart": "false"})).service("web"))
    assert seen.exited
    assert seen.reason == "never started"
    assert seen.exit_code is None


def test_an_absent_and_a_hung_socket_are_unknown(tmp_path: Path) -> None:
    def at(path: str) -> Service:
        return Service(name="web", manager=configured.SupervisordManager(program="web", socket=path))

    absent = look(at(f"{tmp_path}/none.sock"))
    assert absent.unknown
    assert absent.reason == f"supervisord's socket {tmp_path}/none.sock does not exist"
    with silent_socket() as path:
        began = time.monotonic()
        hung = look(at(path))
        assert time.monotonic() - began < 8
    assert hung.unknown
    assert hung.reason == f"supervisord at {path} did not answer within 5 s"


def test_restarts_once(start_supervisord: StartSupervisord) -> None:
    service = start_supervisord(web=SLEEPS).service("web")
    before = look_until(service, lambda seen: seen.running)
    asked_at = datetime.now(UTC)
    assert perform("restart_service", RestartService(service=service), asked_at).done
    after = look(service)
    assert after.pid != before.pid
    again = perform("restart_service", RestartService(service=service), asked_at)
    assert again.found.startswith("nothing to do: started at ")
    assert look(service).pid == after.pid


def test_a_restart_within_the_same_second_is_seen(start_supervisord: StartSupervisord) -> None:
    """supervisord counts in whole seconds: they alone would ask for a second restart."""
    service = start_supervisord(web=SLEEPS).service("web")
    look_until(service, lambda seen: seen.running)
    for _ in range(3):
        asked_at = datetime.now(UTC)
        assert perform("restart_service", RestartService(service=service), asked_at).done
        pid = look(service).pid
        assert perform("restart_service", RestartService(service=service), asked_at).done
        assert look(service).pid == pid


def test_starts_what_was_stopped_with_its_new_limit(
    start_supervisord: StartSupervisord, tmp_path: Path
) -> None:
    limit = tmp_path / "limit"
    reads = f"import time; print('limit', open({str(limit)!r}).read(), flush=True); time.sleep(600)"
    supervisord = start_supervisord(web=(reads, {"autostart": "false"}))
    service = supervisord.service("web", memory_limit_file=limit)
    raised = RaiseMemoryLimit(service=service, from_bytes=0, to_bytes=128 * 2**20)
    effect = perform("raise_memory_limit", raised)
    assert effect.done
    assert (effect.before, effect.after) == ("no memory limit", "128 MiB")
    assert perform("start_service", StartService(service=service)).done
    said(supervisord, "web", "limit 134217728")


def test_what_supervisord_cannot_do_is_said(start_supervisord: StartSupervisord) -> None:
    service = start_supervisord(web=SLEEPS).service("web", scale={"max_replicas": 2})
    look_until(service, lambda seen: seen.running)
    for method, action in (
        ("roll_back", RollBack(service=service, from_version="", to_version="shop:1")),
        ("scale_out", ScaleOut(service=service, from_replicas=1, to_replicas=2)),
        ("raise_memory_limit", RaiseMemoryLimit(service=service, from_bytes=0, to_bytes=2**20)),
    ):
        with pytest.raises(ApplicationError) as caught:
            perform(method, action)
        assert caught.value.type == "Unsupported"
        assert caught.value.non_retryable


def test_a_start_that_cannot_be_is_not_done(start_supervisord: StartSupervisord) -> None:
    service = start_supervisord(web=(SLEEPS, {"autostart": "false", "command": "/nowhere/web"})).service(
        "web"
    )
    effect = perform("start_service", StartService(service=service))
    assert not effect.done
    assert "supervisord refused: NO_FILE" in effect.found
