"""What a unit of systemd looks like, which cause is found for it, and what is done to it."""

from __future__ import annotations

import asyncio
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

from activities.doctor.services import check_manager
from activities.managers import Managers
from activities.managers.process_seen import Ended, ProcessSeen, ProcessState
from activities.service.actions import ActionActivities
from activities.service.processes import ProcessActivities
from activities.stack.engines import EngineActivities
from models.actions.change import ActionResult, Perform
from models.actions.service import RaiseMemoryLimit, RestartService, RollBack, ScaleOut, StartService
from models.checks.item import ItemState
from models.checks.status import EngineOf
from models.evidence.seen import Seen
from models.service.service import ScalePolicy, Service
from tests.parts.machine.systemd import Systemd
from tests.unit.workflows.test_diagnosis import now as situation
from workflows.diagnosis import looks
from workflows.diagnosis.causes import walk
from workflows.runbooks.service_down import CAUSES

SLEEPS = "[Service]\nExecStart=/bin/sleep 600\n"


def runs(script: str, service: str = "", unit: str = "") -> str:
    return f"[Unit]\n{unit}\n[Service]\nExecStart=/bin/sh -c '{script}'\n{service}\n"


def look(service: Service) -> ProcessSeen:
    return ActivityEnvironment().run(ProcessActivities(Managers()).look_at_process, service)


def look_until(service: Service, condition: Callable[[ProcessSeen], bool]) -> ProcessSeen:
    until = time.monotonic() + 30
    while not condition(seen := look(service)):
        assert time.monotonic() < until, seen
        time.sleep(0.05)
    return seen


def later(seen: ProcessSeen) -> ProcessSeen:
    """The same, looked at after everything has had its time."""
    at = seen.observed_at
    assert at is not None
    return seen.model_copy(update={"observed_at": at + timedelta(minutes=5)})


def cause(seen: ProcessSeen) -> str:
    """What ServiceDown finds where it knows nothing else."""
    return walk(CAUSES, situation(Seen().having([(looks.process, seen)]))).cause.name


def perform(method: str, action: Any) -> ActionResult:
    effects = ActionActivities(Managers(), settles_within=timedelta(seconds=10))
    request: Perform[Any] = Perform(action=action, asked_at=datetime.now(UTC))
    effect = ActivityEnvironment().run(getattr(effects, method), request)
    assert isinstance(effect, ActionResult)
    return effect


def test_running_restarted_and_started(systemd: Systemd) -> None:
    systemd.write(plain__service=SLEEPS)
    systemd.ctl("start", "plain.service")
    service = systemd.service("plain.service")
    before = look_until(service, lambda seen: seen.running)
    assert before.ok
    assert before.pid
    assert before.memory_used
    assert before.started_at
    assert abs(datetime.now(UTC) - before.started_at) < timedelta(seconds=20)
    assert perform("restart_service", RestartService(service=service)).done
    after = look(service)
    assert after.pid != before.pid
    Managers().of(service).stop()
    assert look(service).stopped
    assert perform("start_service", StartService(service=service)).done
    assert look(service).running


STOPS = {
    "at once": "ExecStart=/bin/sleep 600",
    "and forgotten": "ExecStart=/bin/sleep 600",
    "as a JVM ends": "ExecStart=/bin/sh -c 'trap \"exit 143\" TERM; touch {up}; sleep 600 & wait'",
    "and killed at last": "ExecStart=/bin/sh -c 'trap \"\" TERM; touch {up}; sleep 99'\nTimeoutStopSec=300ms",
    "on its way up": "Type=notify\nExecStart=/bin/sleep 600",
    "though always restarted": "ExecStart=/bin/sleep 600\nRestart=always\nRestartSec=100ms",
}


@pytest.mark.parametrize("how", STOPS)
def test_stopped_by_a_person_is_not_started_unasked(systemd: Systemd, how: str) -> None:
    """Also where systemd calls that a failure, or has forgotten the unit, which nothing wants."""
    up = systemd.directory / f"up-{how.replace(' ', '-')}"
    name = f"stopped-{how.replace(' ', '-')}.service"
    if how != "and forgotten":
        systemd.enable(name)
    systemd.write(**{name: f"[Service]\n{STOPS[how].format(up=up)}\n"})
    systemd.ctl("--no-block", "start", name)
    service = systemd.service(name)
    look_until(service, lambda seen: bool(seen.pid) and (up.exists() or "{up}" not in STOPS[how]))
    systemd.ctl("stop", name)
    seen = look(service)
    assert (seen.exited, seen.stopped, seen.crashed, seen.deaths) == (True, True, False, ()), seen
    assert seen.reason.startswith("stopped by somebody"), seen.reason
    assert cause(later(seen)) == "stopped by somebody"


@pytest.mark.parametrize("script", ["exit 4", "exit 0"])
@pytest.mark.parametrize("enabled", [True, False])
def test_stopped_by_a_person_while_it_waits_for_its_restart(
    systemd: Systemd, enabled: bool, script: str
) -> None:
    """Its last run ended by itself; that it does not run any more is a person's word."""
    name = f"gives-way-{enabled}-{script[-1]}.service".lower()
    if enabled:
        systemd.enable(name)
    systemd.write(**{name: runs(script, "Restart=always\nRestartSec=5min")})
    systemd.ctl("start", name)
    service = systemd.service(name)
    look_until(service, lambda seen: seen.restarting)
    systemd.ctl("stop", name)
    seen = look(service)
    assert (seen.exited, seen.stopped, seen.crashed) == (True, True, False), seen
    assert seen.reason.startswith("stopped by somebody"), seen.reason
    assert cause(later(seen)) == "stopped by somebody"


@pytest.mark.parametrize(
    ("enabled", "script", "code", "says"),
    [
        (False, "sleep 0.1; exit 3", 3, "exited with code 3"),
        (True, "sleep 0.1; exit 0", 0, "exited with code 0"),
        (False, "sleep 0.1; exit 0", None, "ended by itself"),
    ],
)
def test_what_ends_by_itself_has_crashed(
    systemd: Systemd, enabled: bool, script: str, code: int | None, says: str
) -> None:
    """Also in order, and where systemd has forgotten the unit, which nothing wants."""
    if enabled:
        systemd.enable("ends.service")
    systemd.write(ends__service=runs(script))
    systemd.ctl("start", "ends.service")
    seen = look_until(systemd.service("ends.service"), lambda seen: seen.exited)
    assert (seen.exit_code, seen.ended, seen.crashed) == (code, Ended.BY_ITSELF, True)
    assert seen.reason.startswith(says), seen.reason
    assert cause(later(seen)) == "crash"
    systemd.disable("ends.service")


def test_killed_from_outside_is_a_crash_and_not_out_of_memory(systemd: Systemd) -> None:
    systemd.write(killed__service=SLEEPS)
    systemd.ctl("start", "killed.service")
    service = systemd.service("killed.service")
    pid = look_until(service, lambda seen: bool(seen.pid)).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    seen = look_until(service, lambda seen: seen.exited)
    assert seen.exit_code == 137
    assert seen.reason.startswith("killed by SIGKILL (exit code 137), "), seen.reason
    assert not seen.oom_killed
    assert cause(later(seen)) == "crash"


def test_what_is_started_again_by_systemd_is_left_to_it(systemd: Systemd) -> None:
    systemd.write(waits__service=runs("exit 4", "Restart=always\nRestartSec=5min"))
    systemd.ctl("start", "waits.service")
    service = systemd.service("waits.service")
    seen = look_until(service, lambda seen: seen.restarting)
    assert seen.reason == "is started again by systemd, 5 min after each end; at last: exited with code 4"
    assert cause(later(seen)) == "starting"
    # A person who asks for its start does not want it to wait.
    assert perform("start_service", StartService(service=service)).after
    assert len(look_until(service, lambda seen: len(seen.deaths) == 2).deaths) == 2
    systemd.ctl("stop", "waits.service")


def test_a_crash_loop_that_systemd_gave_up_is_no_single_crash(systemd: Systemd) -> None:
    """It is restarted no more; and once a person wants it, its start is not refused for the limit."""
    limit = "StartLimitBurst=3\nStartLimitIntervalSec=1h"
    mended = systemd.directory / "mended"
    script = f"test -e {mended} && sleep 600; exit 3"
    systemd.write(flaps__service=runs(script, "Restart=always\nRestartSec=50ms", limit))
    systemd.ctl("start", "flaps.service")
    service = systemd.service("flaps.service")
    seen = look_until(service, lambda seen: seen.exited and seen.restarts >= 2)
    assert seen.reason.startswith("systemd gave up starting it, at last: exited with code 3"), seen.reason
    assert len(seen.deaths) == 3
    assert cause(later(seen)) == "crash loop"
    mended.touch()
    systemd.ctl("start", "flaps.service", check=False)  # as a person would, and is refused
    assert not look(service).running
    assert perform("start_service", StartService(service=service)).done
    assert look(service).running
    systemd.ctl("stop", "flaps.service")


def test_what_takes_minutes_to_become_ready_is_starting(systemd: Systemd) -> None:
    text = "[Service]\nType=notify\nExecStart=/bin/sleep 600\nTimeoutStartSec=7min 30s\n"
    systemd.write(slow__service=text)
    systemd.ctl("--no-block", "start", "slow.service")
    service = systemd.service("slow.service")
    seen = look_until(service, lambda seen: seen.running)
    assert seen.may_start_for == timedelta(minutes=7, seconds=30)
    assert cause(later(seen)) == "starting"
    systemd.ctl("stop", "slow.service")


def test_a_start_that_waits_for_another_unit_is_starting(systemd: Systemd) -> None:
    systemd.write(
        gate__service="[Service]\nType=oneshot\nExecStart=/bin/sleep 600\nTimeoutStartSec=infinity\n",
        behind__service="[Unit]\nAfter=gate.service\nWants=gate.service\n" + SLEEPS,
    )
    systemd.ctl("--no-block", "start", "behind.service")
    seen = look_until(systemd.service("behind.service"), lambda seen: seen.restarting)
    assert "waits for other units" in seen.reason
    assert cause(later(seen)) == "starting"
    systemd.ctl("stop", "behind.service", "gate.service")


def test_a_one_shot_that_is_done_is_not_run_again_unasked(systemd: Systemd) -> None:
    systemd.write(once__service="[Service]\nType=oneshot\nExecStart=/bin/true\n")
    systemd.ctl("start", "once.service")
    seen = look(systemd.service("once.service"))
    assert seen.reason.startswith("finished"), seen.reason
    assert cause(later(seen)) == "stopped by somebody"


def test_a_one_shot_that_stays_active_says_nothing_of_what_it_started(systemd: Systemd) -> None:
    systemd.write(stays__service="[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
    systemd.ctl("start", "stays.service")
    seen = look(systemd.service("stays.service"))
    assert seen.unknown
    assert seen.state is ProcessState.UNKNOWN
    assert cause(later(seen)) == "unknown"


def test_what_its_socket_starts_with_the_next_connection_is_not_down(systemd: Systemd) -> None:
    path = systemd.directory / "idle.sock"
    systemd.write(idle__socket=f"[Socket]\nListenStream={path}\n", idle__service=SLEEPS)
    systemd.ctl("start", "idle.socket")
    seen = look(systemd.service("idle.service"))
    assert seen.reason == "idle: idle.socket starts it with the next connection"
    assert seen.unknown, "idle is neither well nor down"
    assert seen.state is ProcessState.UNKNOWN
    assert cause(later(seen)) == "unknown"
    systemd.ctl("start", "idle.service")
    assert look(systemd.service("idle.service")).running
    systemd.ctl("stop", "idle.service")
    stopped = look(systemd.service("idle.service"))
    assert (stopped.bad, stopped.stopped, stopped.crashed) == (True, True, False), stopped
    assert stopped.reason.startswith("stopped by somebody"), stopped.reason
    assert stopped.reason.endswith("; idle.socket starts it with the next connection"), stopped.reason
    assert cause(later(stopped)) == "stopped by somebody"
    systemd.ctl("stop", "idle.socket")
    assert look(systemd.service("idle.service")).stopped


def test_the_journal_of_an_earlier_boot_says_nothing_of_this_one(systemd: Systemd, tmp_path: Path) -> None:
    """Each machine stops its services when it goes down: nobody's wish that they stay down."""
    systemd.write(before__service=SLEEPS)
    systemd.ctl("start", "before.service")
    systemd.ctl("stop", "before.service")
    service = systemd.service("before.service")
    assert look(service).reason.startswith("stopped by somebody")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    rebooted = tmp_path / "journalctl"
    real = systemd.directory / "bin" / "journalctl"
    rebooted.write_text(f'#!/bin/sh\n{real} "$@" | sed s/{boot}/{"0" * 32}/g\n')
    rebooted.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}:{before}"
    try:
        assert look(service).reason.startswith("never started since the machine did")
    finally:
        os.environ["PATH"] = before


def test_the_port_that_its_socket_unit_holds_is_its_own(systemd: Systemd) -> None:
    systemd.write(gates__socket="[Socket]\nListenStream=127.0.0.1:47113\n", gates__service=SLEEPS)
    systemd.ctl("start", "gates.socket")
    manager = Managers().of(systemd.service("gates.service"))
    assert manager.publishes(47113)
    assert not manager.publishes(47114)
    systemd.ctl("stop", "gates.socket")


def test_masked_is_a_persons_word(systemd: Systemd) -> None:
    systemd.write(masked__service=SLEEPS)
    systemd.ctl("mask", "--runtime", "masked.service")
    (systemd.directory / "units" / "masked.service").unlink()
    (systemd.directory / "units" / "masked.service").symlink_to("/dev/null")
    systemd.ctl("daemon-reload")
    service = systemd.service("masked.service")
    seen = look(service)
    assert seen.reason.startswith("masked by somebody"), seen.reason
    assert cause(later(seen)) == "stopped by somebody"
    with pytest.raises(ApplicationError, match=r"run `systemctl unmask masked\.service` first"):
        perform("start_service", StartService(service=service))


def test_never_started_and_not_enabled_is_nobodys_wish(systemd: Systemd) -> None:
    systemd.write(asleep__service=SLEEPS)
    seen = look(systemd.service("asleep.service"))
    assert seen.reason == "never started since the machine did (static)"
    assert cause(later(seen)) == "stopped by somebody"


def test_a_dependency_that_failed_is_named_and_not_started_with_it(systemd: Systemd) -> None:
    """A plan changes one service: systemd would start the other one, too."""
    systemd.write(
        base__service=runs("sleep 0.3; exit 5"),
        upon__service="[Unit]\nBindsTo=base.service\nAfter=base.service\n" + SLEEPS,
    )
    systemd.ctl("start", "upon.service")
    service = systemd.service("upon.service")
    seen = look_until(service, lambda seen: seen.exited)
    assert seen.reason.endswith("; it needs base.service (failed)"), seen.reason
    assert not seen.stopped
    done = perform("start_service", StartService(service=service))
    assert (done.done, done.found) == (
        False,
        "upon.service needs base.service, which cannot run: bring that back first",
    )
    assert look(systemd.service("base.service")).exited


def test_a_unit_file_that_changed_on_disk_is_told(systemd: Systemd) -> None:
    systemd.write(edited__service=SLEEPS)
    systemd.ctl("start", "edited.service")
    file = systemd.directory / "units" / "edited.service"
    file.write_text(SLEEPS.replace("600", "601"))
    os.utime(file, (time.time() + 5, time.time() + 5))
    seen = look(systemd.service("edited.service"))
    assert seen.ok
    assert "its unit file changed on disk" in seen.reason


def test_an_instance_of_a_template_is_a_service_of_its_own(systemd: Systemd) -> None:
    systemd.write(many_AT___service=runs("sleep 60%i"))
    systemd.ctl("start", "many@1.service", "many@2.service")
    systemd.ctl("stop", "many@1.service")
    assert look(systemd.service("many@1.service")).stopped
    assert look(systemd.service("many@2.service")).running


def test_a_name_that_is_not_there(systemd: Systemd) -> None:
    seen = look(systemd.service("nope.service"))
    assert seen.state is ProcessState.MISSING
    assert seen.reason == "systemd knows no unit called nope.service"


def test_the_lines_of_the_latest_run_are_told_from_older_ones(systemd: Systemd) -> None:
    """By their time: this journal is of another systemd, and does not know the runs of this one."""
    systemd.write(talks__service=runs("sleep 0.5; echo from-$$; sleep 600"))
    service = systemd.service("talks.service")
    manager = Managers().of(service)

    def said() -> list[bytes]:
        return [one for one in manager.logs(50).lines if one.startswith(b"from-")]

    for number in (1, 2):
        systemd.ctl("restart", "talks.service")
        until = time.monotonic() + 20
        while len(said()) < number:
            assert time.monotonic() < until, said()
            time.sleep(0.05)
    log = manager.logs(50)
    fresh = log.lines[len(log.lines) - log.fresh :]
    assert [one for one in fresh if one.startswith(b"from-")] == said()[-1:]
    assert len(manager.logs(1).lines) == 1


def test_a_restart_waits_for_a_slow_end_and_takes_effect(systemd: Systemd) -> None:
    slow = 'trap "sleep 2; exit 0" TERM; while :; do sleep 0.1; done'
    systemd.write(lingers__service=f"[Service]\nExecStart=/bin/sh -c '{slow}'\n")
    systemd.ctl("start", "lingers.service")
    service = systemd.service("lingers.service")
    before = look(service)
    assert perform("restart_service", RestartService(service=service)).done
    assert look(service).pid != before.pid
    systemd.ctl("kill", "--signal=KILL", "lingers.service")


@pytest.mark.parametrize("how", ["stop", "restart"])
def test_what_is_asked_for_is_waited_for_also_behind_another_job(systemd: Systemd, how: str) -> None:
    """systemd ends first what is to end before it: until then it runs on."""
    slow = 'trap "sleep 1; exit 0" TERM; touch {up}; while :; do sleep 0.1; done'
    up = systemd.directory / f"first-{how}"
    name = f"second-{how}.service"
    systemd.write(
        **{
            f"first-{how}.service": runs(slow.format(up=up), unit=f"After={name}"),
            name: SLEEPS,
        }
    )
    systemd.ctl("start", name, f"first-{how}.service")
    service = systemd.service(name)
    before = look_until(service, lambda seen: bool(seen.pid) and up.exists())
    systemd.ctl("--no-block", "stop", f"first-{how}.service")
    getattr(Managers().of(service), how)()
    assert look(service).pid != before.pid
    systemd.ctl("stop", name)


def test_a_memory_limit_holds_at_once(systemd: Systemd) -> None:
    systemd.write(limited__service=SLEEPS + "MemoryMax=64M\n")
    systemd.ctl("start", "limited.service")
    service = systemd.service("limited.service")
    assert look(service).memory_limit == 64 * 2**20
    raised = RaiseMemoryLimit(service=service, from_bytes=64 * 2**20, to_bytes=96 * 2**20)
    assert perform("raise_memory_limit", raised).done
    assert look(service).memory_limit == 96 * 2**20


def test_what_systemd_cannot_do_is_refused_with_what_to_do(systemd: Systemd) -> None:
    systemd.write(fixed__service=SLEEPS)
    service = systemd.service("fixed.service")
    back = RollBack(service=service, from_version="", to_version="shop:1")
    with pytest.raises(ApplicationError, match="configure a rollback script"):
        perform("roll_back", back)
    many = service.model_copy(update={"scale": ScalePolicy(max_replicas=2)})
    with pytest.raises(ApplicationError, match="start more units of its template"):
        perform("scale_out", ScaleOut(service=many, from_replicas=1, to_replicas=2))


async def test_doctor_and_the_daily_check_see_its_units(systemd: Systemd) -> None:
    systemd.write(shop__service=runs("exit 2"))
    systemd.ctl("start", "shop.service")
    service = systemd.service("shop.service")
    await asyncio.to_thread(look_until, service, lambda seen: seen.exited)
    assert (await check_manager(service, Managers())).ok
    wrong = await check_manager(systemd.service("shpo.service"), Managers())
    assert wrong.problem == "systemd knows no unit called shpo.service; did you mean shop.service"
    assert wrong.cure == "create it, or correct services.backend.manager.unit"
    found = ActivityEnvironment().run(EngineActivities().look_at_engine, EngineOf(service=service))
    assert found.state is ItemState.ATTENTION
    assert "shop.service" in found.reason
    assert ("shop.service", "loaded", "failed (failed)") in {row[:3] for row in found.tables[0].rows}


def test_no_systemd_is_unknown_and_says_where_to_run_the_worker() -> None:
    before = os.environ["PATH"]
    os.environ["PATH"] = "/nonexistent"
    try:
        seen = look(Systemd.__new__(Systemd).service("web.service"))
    finally:
        os.environ["PATH"] = before
    assert seen.unknown
    assert seen.reason.endswith("run a worker on the machine itself, not in a container")
