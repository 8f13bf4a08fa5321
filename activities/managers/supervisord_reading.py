"""What supervisord's answers mean: pure functions from its structs and logs to evidence."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from supervisor.states import ProcessStates

from activities.managers.process_seen import Ended, ProcessSeen, ProcessState
from activities.support.redaction import clean
from models.base import in_words
from models.evidence.evidence import Finding

_STATES = {
    ProcessStates.STOPPED: ProcessState.EXITED,
    ProcessStates.STARTING: ProcessState.RUNNING,
    ProcessStates.RUNNING: ProcessState.RUNNING,
    ProcessStates.BACKOFF: ProcessState.RESTARTING,
    ProcessStates.STOPPING: ProcessState.RUNNING,
    ProcessStates.EXITED: ProcessState.EXITED,
    ProcessStates.FATAL: ProcessState.EXITED,
}
_ENDED = re.compile(
    r"(?:exited|stopped): (?P<name>\S+) \((?:terminated by (?P<signal>SIG\w+)|exit status (?P<status>\d+))"
)


_SPAWNED = re.compile(r":(?P<second>\d\d),(?P<part>\d{3}) INFO spawned: '(?P<name>\S+)' with pid")
_DIED = re.compile(r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} \w+ exited: (?P<name>\S+) \(", re.M)
_LIFE = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \w+"
    r" (?:(?P<what>spawned|exited|stopped|gave up): '?(?P<name>[^\s']+)"
    r"|success: (?P<up>\S+) entered RUNNING)",
    re.M,
)
_STARTED_AT_ONCE = timedelta(seconds=1.2)
"""supervisord looks once a second for what it must start anew; nobody else is as quick."""
_LONGEST_PAUSE = timedelta(minutes=1)
"""Between two starts of what ends too early, which it makes longer by a second each time."""
_DEATHS = 20
_LOGS_AFTER = 0.02
"""Seconds by which supervisord may tell of a start after the program has begun to talk."""


def started_in(log: str, program: str, second: int) -> float:
    """The start of the program within its second, which is all that XML-RPC tells of it."""
    found = [one for one in _SPAWNED.finditer(log) if one["name"] == program.rpartition(":")[2]]
    if not found or int(found[-1]["second"]) != second % 60:
        return second
    return second + max(0.0, int(found[-1]["part"]) / 1000 - _LOGS_AFTER)


def exit_code_in(log: str, program: str) -> int | None:
    """The newest exit of the program in supervisord's own log; 128 and the number for a signal.

    Its XML-RPC answers -1 for every signal, and nothing for a program that ended too quickly.
    """
    ends = [found for found in _ENDED.finditer(log) if found["name"] == program.rpartition(":")[2]]
    if not ends:
        return None
    last = ends[-1]
    if last["status"]:
        return int(last["status"])
    number = getattr(signal, last["signal"], None)
    return 128 + number if number else None


def seen_of(
    info: Mapping[str, Any],
    exit_code: int | None,
    memory_limit: int | None,
    began: datetime | None,
    now: datetime,
) -> ProcessSeen:
    """The evidence in one `getProcessInfo`. `began` is the kernel's word: finer than seconds.

    supervisord tells a program that it was asked to stop from one that exited. It does not hear from
    the kernel why one was killed: that it was for memory is nothing that it could say.
    """
    state = _STATES.get(info["state"], ProcessState.UNKNOWN)
    finding = {ProcessState.RUNNING: Finding.OK, ProcessState.UNKNOWN: Finding.UNKNOWN}.get(
        state, Finding.BAD
    )
    running = state is ProcessState.RUNNING
    started_at = began or _moment(info["start"])
    finished_at = None if running else _moment(info["stop"])
    return ProcessSeen(
        finding=finding,
        reason=_reason(info, exit_code, started_at, finished_at, now),
        observed_at=now,
        state=state,
        exit_code=None if running else exit_code,
        ended=_ended(info),
        stopping=info["state"] == ProcessStates.STOPPING,
        pid=info["pid"] or None,
        started_at=started_at,
        finished_at=finished_at,
        memory_limit=memory_limit,
    )


def _ended(info: Mapping[str, Any]) -> Ended:
    if info["state"] == ProcessStates.STOPPED and info["start"]:
        return Ended.STOPPED
    over = info["state"] in (ProcessStates.EXITED, ProcessStates.BACKOFF, ProcessStates.FATAL)
    return Ended.BY_ITSELF if over else Ended.UNTOLD


def deaths_in(log: str, program: str) -> tuple[datetime, ...]:
    """When the program ended without being asked to, as supervisord's own log has it, the newest last."""
    found = (one for one in _DIED.finditer(log) if one["name"] == program.rpartition(":")[2])
    # The log is in the machine's own time.
    return tuple(datetime.fromisoformat(one["at"]).astimezone(UTC) for one in found)[-_DEATHS:]


def restarts_in(log: str, program: str) -> int:
    """How often supervisord itself has started the program anew since somebody last did.

    It counts none. What it starts is started at once; or after a pause, where it had not been up.
    """
    restarts, up, died_at = 0, False, None
    for one in _LIFE.finditer(log):
        if (one["name"] or one["up"]) != program.rpartition(":")[2]:
            continue
        at = datetime.strptime(one["at"], "%Y-%m-%d %H:%M:%S,%f")
        if one["what"] == "spawned":
            soon = _STARTED_AT_ONCE if up else _LONGEST_PAUSE
            itself = died_at is not None and timedelta() <= at - died_at < soon
            restarts = restarts + 1 if itself else 0
            up, died_at = False, None
        elif one["up"]:
            up = True
        else:
            died_at = at if one["what"] == "exited" else None
    return restarts


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _reason(
    info: Mapping[str, Any],
    exit_code: int | None,
    started_at: datetime | None,
    finished_at: datetime | None,
    now: datetime,
) -> str:
    since = f" for {in_words(now - started_at)}" if started_at else ""
    ago = f", {in_words(now - finished_at)} ago" if finished_at else ""
    ended = _end(exit_code) + ago
    reasons = {
        ProcessStates.RUNNING: f"running{since}",
        ProcessStates.STARTING: f"running{since}",
        ProcessStates.STOPPING: f"running{since}, and is being stopped by somebody",
        ProcessStates.STOPPED: f"stopped by somebody{ago}" if started_at else "never started",
        ProcessStates.EXITED: ended,
        ProcessStates.BACKOFF: f"crashes again and again right after its start, at last: {ended}",
        ProcessStates.FATAL: f"supervisord gave up starting it, at last: {ended}",
    }
    unknown = f"supervisord reports a state that is not known here: {clean(info['statename'], 40)}"
    return reasons.get(info["state"], unknown)


def _end(exit_code: int | None) -> str:
    if exit_code is None:
        return "ended in a way that supervisord did not keep"
    if exit_code > 128:
        return f"killed by signal {exit_code - 128} (exit code {exit_code})"
    return f"exited with code {exit_code}"
