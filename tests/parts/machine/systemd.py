"""A real systemd and its journal, with the units that a test asks for.

Its user instance: the machine's own would want to be process 1. It has a mount namespace for `/run/systemd`
and control groups of its own, so that it neither sees nor moves what else runs on the machine, and loads no
unit but those of the test.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.service import service as configured
from models.service.service import Service
from tests.parts.requirements import missing

SYSTEMD = Path("/lib/systemd/systemd")
_CGROUPS = Path("/sys/fs/cgroup")
_JOURNALD = "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\nSyncIntervalSec=0\n"
_BEGIN = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/system
mount -t tmpfs tmpfs /run/log
mkdir /run/log/journal
mount --bind "$1/journal" /run/log/journal
mount --bind "$1/journald.conf" /etc/systemd/journald.conf
setpriv --pdeathsig KILL /lib/systemd/systemd-journald &
until [ -S /run/systemd/journal/stdout ]; do sleep 0.02; done
exec /lib/systemd/systemd --user
"""


@dataclass(frozen=True)
class Systemd:
    """One that runs: its directory."""

    directory: Path

    def service(self, unit: str, **more: Any) -> Service:
        """A configured service that is one of its units."""
        return Service(name="backend", manager=configured.SystemdManager(unit=unit, user=True), **more)

    def write(self, **units: str) -> None:
        """Write units, in which `__` stands for a dot and `_AT_` for an at sign, and have them read."""
        for name, text in units.items():
            file = name.replace("_AT_", "@").replace("__", ".")
            (self.directory / "units" / file).write_text(text)
        self.ctl("daemon-reload")

    def enable(self, unit: str) -> None:
        """Have something want it, so that systemd remembers it when it stands still."""
        wants = self.directory / "units" / "default.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / unit).symlink_to(f"../{unit}")

    def disable(self, unit: str) -> None:
        (self.directory / "units" / "default.target.wants" / unit).unlink(missing_ok=True)

    def ctl(self, *arguments: str, check: bool = True) -> str:
        """What a person would type."""
        done = subprocess.run(
            ["systemctl", "--user", *arguments], capture_output=True, text=True, timeout=30, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def one_systemd() -> Iterator[Systemd]:
    if not SYSTEMD.exists() or os.geteuid() != 0:
        missing("needs systemd, and root for its namespace")
    # Not below pytest's own directory: the path of a unix socket may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="sd-") as temporary:
        directory = Path(temporary)
        # The journal tells by the name of its group that a process is of a user's unit.
        groups = groups_called(f"{directory.name}.slice")
        try:
            yield from running(directory, groups)
        finally:
            end(groups)


@pytest.fixture
def systemd(one_systemd: Systemd) -> Iterator[Systemd]:
    """The worker's environment is that of the user whose systemd it is."""
    before = {name: os.environ.get(name, "") for name in ("PATH", "XDG_RUNTIME_DIR")}
    os.environ["XDG_RUNTIME_DIR"] = str(one_systemd.directory / "run")
    os.environ["PATH"] = f"{one_systemd.directory / 'bin'}:{before['PATH']}"
    yield one_systemd
    os.environ.update({name: value for name, value in before.items() if value})
    if not before["XDG_RUNTIME_DIR"]:
        del os.environ["XDG_RUNTIME_DIR"]


def running(directory: Path, groups: list[Path]) -> Iterator[Systemd]:
    for name in ("run", "units", "home", "journal", "bin"):
        (directory / name).mkdir(mode=0o700)
    for target in ("default", "basic", "shutdown", "exit"):
        text = f"[Unit]\nDescription={target}\nDefaultDependencies=no\n"
        (directory / "units" / f"{target}.target").write_text(text)
    (directory / "journald.conf").write_text(_JOURNALD)
    # The journal of the namespace is a directory here.
    real = shutil.which("journalctl") or ""
    journalctl = directory / "bin" / "journalctl"
    journalctl.write_text(f'#!/bin/sh\nexec {real} --directory={directory}/journal "$@"\n')
    journalctl.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory / "home"),
        "XDG_RUNTIME_DIR": str(directory / "run"),
        "SYSTEMD_LOG_TARGET": "journal",
        "SYSTEMD_UNIT_PATH": str(directory / "units"),
    }
    joins = "\n".join(f"echo $$ > {shlex.quote(str(one / 'cgroup.procs'))}" for one in groups)
    # Both end with the tests, also where those are killed: it with pytest, its journal with it.
    ends_with_us = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount"]
    command = [*ends_with_us, "sh", "-c", f"{joins}\n{_BEGIN}", "systemd", str(directory)]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while not (directory / "run" / "systemd" / "private").exists():
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < until, (directory / "log").read_text()
            time.sleep(0.02)
        yield Systemd(directory)
    finally:
        process.kill()
        process.wait()


def groups_called(name: str) -> list[Path]:
    """A control group of its own in each hierarchy: systemd takes that in which it is started for its own."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    hierarchies = {Path(where) for _, where, kind, *_ in mounts if kind in ("cgroup", "cgroup2")}
    made = []
    for one in sorted(hierarchies & {_CGROUPS, *_CGROUPS.glob("*")}):
        if (one / "cpuset.cpus").exists():
            continue  # it takes no process before it has been given its CPUs
        (one / name / "user@0.service").mkdir(parents=True)
        made.append(one / name / "user@0.service")
    return made


def end(groups: list[Path]) -> None:
    """End whatever is left of it, and remove its control groups."""
    until = time.monotonic() + 15
    while left := {pid for one in groups for pid in pids(one)}:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert time.monotonic() < until, left
        time.sleep(0.05)
    for one in groups:
        for group in sorted((*one.rglob("*/"), one, one.parent), reverse=True):
            if group.is_dir():
                group.rmdir()


def pids(group: Path) -> set[int]:
    files = (group / "cgroup.procs", *group.rglob("cgroup.procs"))
    return {int(pid) for file in files for pid in file.read_text().split()}
