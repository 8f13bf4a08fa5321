"""A program of supervisord as a service, for machines without Docker.

supervisord does not limit memory: the limit is a file that the program reads when it starts, so a
change takes effect with the next start. It keeps no images either, so going back needs a script.
"""

from __future__ import annotations

import os
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from supervisor.states import STOPPED_STATES, ProcessStates
from supervisor.xmlrpc import Faults

from activities.managers.host_processes import began_of, cpu_share_of, family, memory_of
from activities.managers.log_times import fresh_lines, times_of
from activities.managers.manager import ManagerRefused, RecentLog, Unsupported, Usage
from activities.managers.process_seen import ProcessSeen, ProcessState
from activities.managers.supervisord_reading import (
    deaths_in,
    exit_code_in,
    restarts_in,
    seen_of,
    started_in,
)
from activities.managers.supervisord_socket import checked, supervisor_of
from activities.support.regular_files import NotRegular, file_at
from activities.support.whole_files import write_whole
from models.evidence.evidence import Finding
from models.service import service as configured
from models.version import Version

_LOG_BYTES = 2**20
_MAIN_LOG_BYTES = 64 * 1024
_READ_BY_PROGRAM = 0o644
_LONGEST_STOP = 480.0
"""Seconds; supervisord kills after the program's own `stopwaitsecs`, 10 s by default."""
_LOOK_EVERY = 0.1


class SupervisordManager:
    """One program of one supervisord, through its unix socket."""

    def __init__(self, configuration: configured.SupervisordManager) -> None:
        self._program = configuration.program
        self._configured = configuration
        limit = configuration.memory_limit_file
        self._limit_file = Path(limit) if limit else None

    def state(self) -> ProcessSeen:
        now = datetime.now(UTC)
        with supervisor_of(self._configured) as supervisor:
            try:
                info = checked(supervisor.getProcessInfo(self._program))
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != Faults.BAD_NAME:
                    raise
                return ProcessSeen(
                    finding=Finding.BAD,
                    reason=f"supervisord knows no program called {self._program}",
                    observed_at=now,
                    state=ProcessState.MISSING,
                )
        began = began_of(info["pid"]) if info["pid"] else None
        return seen_of(info, self._exit_code(info), self._memory_limit(), began, now)

    def examine(self) -> ProcessSeen:
        seen, log = self.state(), self._main_log()
        told = {"deaths": deaths_in(log, self._program), "restarts": restarts_in(log, self._program)}
        return seen.model_copy(update=told)

    def usage(self) -> Usage:
        processes = family(self._info()["pid"])
        return Usage(memory_used=memory_of(processes), cpu_share=cpu_share_of(processes))

    def logs(self, lines: int) -> RecentLog:
        """Both log files, read where supervisord writes them.

        Its own tail answers with an error as soon as a log holds a byte that XML cannot carry. The two
        are not merged by time: the errors come last, and get at least half of the lines. What the lines
        say of their time tells which are of the latest run.
        """
        info = self._info()
        began = started_in(self._main_log(), self._program, info["start"])
        if info["state"] == ProcessStates.BACKOFF:
            began = 0.0
        errors = _last_lines(info["stderr_logfile"], lines, began)
        output = _last_lines(info["stdout_logfile"], lines, began)
        errors = errors.last(max(lines - len(output.lines), (lines + 1) // 2))
        output = output.last(lines - len(errors.lines))
        kept = (*output.old, *errors.old, *output.new, *errors.new)
        times = tuple(at for _, at in kept)
        return RecentLog(tuple(line for line, _ in kept), len(output.new) + len(errors.new), times)

    def pids(self) -> frozenset[int]:
        pid = self._info()["pid"]
        return frozenset(process.pid for process in family(pid)) if pid else frozenset()

    def publishes(self, port: int) -> bool:
        return False

    def replicas(self) -> int:
        return int(self._info()["state"] in (ProcessStates.RUNNING, ProcessStates.STARTING))

    def start(self) -> None:
        if self._info()["state"] == ProcessStates.BACKOFF:
            self.stop()  # ends supervisord's own waiting between crashes
        self._ask("startProcess", Faults.ALREADY_STARTED)

    def stop(self) -> None:
        """Return when it has ended. It has its own time for that, which may be longer than one answer."""
        self._ask("stopProcess", Faults.NOT_RUNNING)
        until = time.monotonic() + _LONGEST_STOP
        while self._info()["state"] not in STOPPED_STATES:
            if time.monotonic() > until:
                raise ManagerRefused(f"{self._program} did not end within {_LONGEST_STOP:g} s")
            time.sleep(_LOOK_EVERY)

    def restart(self) -> None:
        self.stop()
        self._ask("startProcess", Faults.ALREADY_STARTED)

    def signal(self, name: str) -> None:
        with supervisor_of(self._configured) as supervisor:
            supervisor.signalProcess(self._program, name)

    def set_memory_limit(self, size: int) -> None:
        """Write the limit into its file, all or nothing. Takes effect with the next start."""
        if self._limit_file is None:
            raise Unsupported(
                f"{self._program} has no memory_limit_file in the configuration, so its limit cannot be set:"
                " name the file that the program reads, or raise the limit by hand"
            )
        try:
            write_whole(self._limit_file, f"{size}\n", _READ_BY_PROGRAM)
        except OSError as error:
            raise ManagerRefused(f"cannot write {self._limit_file}: {error.strerror}") from error

    def roll_back(self, version: Version) -> NoReturn:
        raise Unsupported(
            f"supervisord keeps no versions of {self._program}, so it cannot go back to {version.name}:"
            " configure a rollback script"
        )

    def scale(self, replicas: int) -> NoReturn:
        raise Unsupported(
            f"supervisord cannot run {replicas} instances of {self._program} without a change of its"
            " configuration: raise numprocs there"
        )

    def environment(self) -> None:
        """A program reads its env file by itself: what it read is not known here."""

    def recreate(self, settings: Mapping[str, str | None]) -> None:
        """The program reads its env file when it starts."""
        self.restart()

    def networks(self) -> NoReturn:
        raise Unsupported(f"{self._program} runs under supervisord, which has no networks of its own")

    def attach(self, network: str) -> NoReturn:
        raise Unsupported(
            f"{self._program} runs under supervisord, so there is no network {network} to connect it to"
        )

    def _ask(self, method: str, already: int) -> None:
        """Ask for a change, and do not wait until it has happened."""
        with supervisor_of(self._configured) as supervisor:
            try:
                getattr(supervisor, method)(self._program, False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != already:
                    raise

    def _info(self) -> Mapping[str, Any]:
        with supervisor_of(self._configured) as supervisor:
            return checked(supervisor.getProcessInfo(self._program))

    def _exit_code(self, info: Mapping[str, Any]) -> int | None:
        """What supervisord answers, or for a signal or a quick end, what it wrote into its log."""
        quick = info["state"] in (ProcessStates.BACKOFF, ProcessStates.FATAL)
        if not quick and info["exitstatus"] >= 0:
            return int(info["exitstatus"]) if info["stop"] else None
        return exit_code_in(self._main_log(), self._program)

    def _main_log(self) -> str:
        """The end of what supervisord tells of itself; empty when it keeps no log."""
        try:
            with supervisor_of(self._configured) as supervisor:
                return str(supervisor.readLog(-_MAIN_LOG_BYTES, 0))
        except ManagerRefused:
            return ""

    def _memory_limit(self) -> int | None:
        if self._limit_file is None:
            return None
        try:
            with file_at(self._limit_file) as file:
                return int(file.read(32)) or None
        except (OSError, ValueError):
            return None  # no limit yet, or not a number: none that the program could follow


@dataclass(frozen=True)
class _Tail:
    """The last lines of one file, oldest first; the last `fresh` of them are of the latest run."""

    lines: tuple[tuple[bytes, datetime | None], ...] = ()
    """Each with its time, where it tells one."""
    fresh: int = 0

    @property
    def old(self) -> tuple[tuple[bytes, datetime | None], ...]:
        return self.lines[: len(self.lines) - self.fresh]

    @property
    def new(self) -> tuple[tuple[bytes, datetime | None], ...]:
        return self.lines[len(self.lines) - self.fresh :]

    def last(self, count: int) -> _Tail:
        return _Tail(self.lines[-count:] if count else (), min(self.fresh, count))


def _last_lines(path: str, lines: int, began: float) -> _Tail:
    """The tail of a file. `began`: the start of the latest run, in seconds since 1970; 0 for any."""
    if not path:
        return _Tail()
    try:
        with file_at(Path(path)) as file:
            status = os.fstat(file.fileno())
            file.seek(max(0, status.st_size - _LOG_BYTES // 2))
            tail = tuple(file.read(_LOG_BYTES // 2).splitlines()[-lines:])
    except (FileNotFoundError, NotRegular):
        return _Tail()
    except OSError as error:
        raise ManagerRefused(f"cannot read {path}: {error.strerror}") from error
    since, written = datetime.fromtimestamp(began, UTC), datetime.fromtimestamp(status.st_mtime, UTC)
    timed = tuple(zip(tail, times_of(tail, written), strict=True))
    return _Tail(timed, fresh_lines(tail, since, written))
