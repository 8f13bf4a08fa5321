"""One real process that we started: its log, its signals, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from demo.parts.errors import NotReadyError
from demo.parts.waiting import until


class Process:
    """A program in a session of its own, so that all it started can be found and ended with it.

    The log is appended to `LOG_DIRECTORY/NAME.log` over all starts. Starting again after an
    end is allowed; signals go only to processes that this object started.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        directory: Path,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = directory / f"{name}.log"
        self._directory = directory
        self._env = {**os.environ, **(env or {})}
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process ID of the last start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and not self._ended(self._process)

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last start, negative for a signal; None while it runs."""
        if self._process is None or self.running:
            return None
        return self._process.poll()

    def start(self) -> None:
        """Start it; a running one is left alone."""
        if self.running:
            return
        if self._process is not None:
            self._process.poll()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv,
                cwd=self._directory,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def stop(self, within: float = 10.0) -> None:
        """Ask it to end, for at most `within` seconds; then end it and all it started."""
        if self._process is None:
            return
        family = self._family()
        self._signal_each(family, signal.SIGCONT)
        try:
            if self.running:
                os.kill(self._process.pid, self._stop_signal)
                await self._wait(within)
        finally:  # also when the wait was cancelled
            await self._end(family)

    async def kill(self) -> None:
        """`kill -9` the program and all it started, as a crash of the machine would."""
        if self._process is not None:
            await self._end(self._family())

    def pause(self) -> None:
        """SIGSTOP all of it: ports stay open, and nothing answers."""
        self._signal_each(self._family(), signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_each(self._family(), signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log, for error messages."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def _wait(self, within: float) -> None:
        async def still_there() -> str:
            return f"process {self.pid} still runs" if self.running else ""

        with contextlib.suppress(NotReadyError):
            await until(f"{self.name} ended", still_there, within=within)

    async def _end(self, family: set[psutil.Process]) -> None:
        """Kill what is left, before the leader is reaped: until then nobody else can have its ID."""
        assert self._process is not None
        self._signal_each(family | self._family(), signal.SIGKILL)
        if self.running:
            await self._wait(5.0)
        self._process.poll()

    def _family(self) -> set[psutil.Process]:
        """The program, its descendants, and the rest of the session that it leads."""
        if self._process is None or self._process.returncode is not None:
            return set()
        return set(_family_of(self._process.pid))

    def _signal_each(self, family: set[psutil.Process], number: signal.Signals) -> None:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(number)

    @staticmethod
    def _ended(process: subprocess.Popen[bytes]) -> bool:
        """Whether it is over, without reaping it: its ID must stay its own until `_end`."""
        if process.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, process.pid, flags) is not None


def _family_of(leader: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield psutil.Process(leader)
        yield from psutil.Process(leader).children(recursive=True)
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(pid) == leader:
                yield psutil.Process(pid)
