"""What the engine's answers mean: pure functions from its JSON to evidence."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.managers.docker_check import check_in_words, own_check_of, passed_at
from activities.managers.docker_events import POLITE, Event, Told, told_of
from activities.managers.manager import RecentLog, Usage
from activities.managers.process_seen import Ended, ProcessSeen, ProcessState
from activities.support.redaction import clean
from models.base import in_bytes, in_words
from models.evidence.evidence import Finding
from models.text import shorten
from models.version import Version

_STATES = {
    "running": ProcessState.RUNNING,
    "stopping": ProcessState.RUNNING,
    "restarting": ProcessState.RESTARTING,
    "paused": ProcessState.PAUSED,
    "created": ProcessState.EXITED,
    "exited": ProcessState.EXITED,
    "dead": ProcessState.EXITED,
    "stopped": ProcessState.EXITED,
    "configured": ProcessState.EXITED,
    "initialized": ProcessState.EXITED,
    "removing": ProcessState.MISSING,
}

KILLED_BY_SIGKILL = 128 + signal.SIGKILL
LONGEST_STOP = timedelta(minutes=8)
"""An action that stops a container is over within ten minutes."""
_LONGEST_START = timedelta(minutes=15)
_A_MOMENT = timedelta(seconds=5)


def moment(text: str | None) -> datetime | None:
    """The engine's time-stamps have nanoseconds, and year 1 for never."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def gist(error: str) -> str:
    """The end of one of the engine's long chains of causes: the last cause is the one that helps."""
    causes = clean(error, 2000).split(": ")
    kept = causes[-1]
    for cause in reversed(causes[:-1]):
        if len(cause) + len(kept) > 120:
            break
        kept = f"{cause}: {kept}"
    return shorten(kept, 300)


def version_of(attributes: Mapping[str, Any]) -> Version:
    """The image in one `docker inspect`: as its container was asked to run it, and what that was."""
    return Version(name=attributes["Config"]["Image"], image_id=attributes["Image"])


def seen_of(attributes: Mapping[str, Any], now: datetime, events: tuple[Event, ...] = ()) -> ProcessSeen:
    """The evidence in one `docker inspect`, and in the events of the container where they were asked for."""
    state, host = attributes["State"], attributes["HostConfig"]
    known = _STATES.get(state["Status"], ProcessState.UNKNOWN)
    started_at, finished_at = moment(state.get("StartedAt")), moment(state.get("FinishedAt"))
    version = version_of(attributes)
    over = known in (ProcessState.EXITED, ProcessState.RESTARTING)
    exit_code = state.get("ExitCode") if over and started_at else None
    told = told_of(events, started_at, exit_code, stop_signal_of(attributes)) if started_at else Told()
    flagged = bool(state.get("OOMKilled"))
    untold = over and told.ended is Ended.UNTOLD
    oom_killed = told.oom_killed or (untold and flagged and exit_code == KILLED_BY_SIGKILL)
    seen = ProcessSeen(
        state=known,
        exit_code=exit_code,
        ended=_ended_untold(attributes, exit_code, oom_killed) if untold else told.ended,
        stopping=not over and _is_being_stopped(attributes, told, now),
        oom_killed=oom_killed,
        oom_killed_before=(flagged or told.oom_killed_before) and not oom_killed,
        restarts=attributes.get("RestartCount") or 0,
        deaths=told.deaths,
        own_check=own_check_of(state.get("Health")),
        own_check_passed_at=moment(passed_at(state.get("Health"))),
        may_start_for=_may_start_for(attributes),
        pid=state.get("Pid") or None,
        image=version.name,
        image_id=version.image_id,
        started_at=started_at,
        finished_at=finished_at,
        memory_limit=host.get("Memory") or None,
        observed_at=now,
    )
    said = f": {gist(state['Error'])}" if state.get("Error") else ""
    said += check_in_words(seen.own_check, state.get("Health") or {}) if seen.running else ""
    finding = {ProcessState.RUNNING: Finding.OK, ProcessState.UNKNOWN: Finding.UNKNOWN}.get(
        known, Finding.BAD
    )
    return seen.model_copy(update={"finding": finding, "reason": _reason(seen, state["Status"], now) + said})


def stop_signal_of(attributes: Mapping[str, Any]) -> int:
    """The signal that asks this container to end."""
    name = str(attributes["Config"].get("StopSignal") or "SIGTERM").upper()
    if name.isdecimal():
        return int(name)
    number: int = getattr(signal, name if name.startswith("SIG") else f"SIG{name}", signal.SIGTERM)
    return number


def grace_of(attributes: Mapping[str, Any], configured: timedelta | None) -> int:
    """Seconds that the container has to end by itself: as configured, else its own, else the engine's 10.

    A container that may take for ever, or longer than one action lasts, has as long as that.
    """
    own = attributes["Config"].get("StopTimeout")
    if configured is not None:
        own = round(configured.total_seconds())
    seconds = 10 if own is None else int(own)
    longest = round(LONGEST_STOP.total_seconds())
    return min(seconds, longest) if seconds >= 0 else longest


def _ended_untold(attributes: Mapping[str, Any], exit_code: int | None, oom_killed: bool) -> Ended:
    """What can be said of an end that the engine does not remember.

    A container whose policy always brings it back stands still only because somebody stopped it, and
    the exit codes of a stop may be one: neither is started without a question.
    """
    state = attributes["State"]
    policy = (attributes["HostConfig"].get("RestartPolicy") or {}).get("Name")
    if state["Status"] != "exited" or oom_killed or state.get("Error"):
        return Ended.UNTOLD
    always = policy in ("always", "unless-stopped")
    as_after_a_stop = exit_code in (0, *(128 + one for one in (*POLITE, stop_signal_of(attributes))))
    return Ended.STOPPED if always or as_after_a_stop else Ended.UNTOLD


def _is_being_stopped(attributes: Mapping[str, Any], told: Told, now: datetime) -> bool:
    grace = timedelta(seconds=grace_of(attributes, None)) + _A_MOMENT
    if attributes["State"]["Status"] == "stopping":  # Podman says so itself
        return True
    return told.asked_to_end_at is not None and now - told.asked_to_end_at < grace


def _may_start_for(attributes: Mapping[str, Any]) -> timedelta | None:
    """How long Docker itself waits before it calls a container unhealthy."""
    check, health = attributes["Config"].get("Healthcheck") or {}, attributes["State"].get("Health")
    if not health or health.get("Status") != "starting":
        return None
    one_try = (check.get("Interval") or 30e9) + (check.get("Timeout") or 30e9)
    nanoseconds = (check.get("StartPeriod") or 0) + (check.get("Retries") or 3) * one_try
    return min(timedelta(microseconds=nanoseconds / 1000), _LONGEST_START)


def _reason(seen: ProcessSeen, status: str, now: datetime) -> str:
    since = f" for {in_words(now - seen.started_at)}" if seen.started_at else ""
    again = f", restarted {seen.restarts} times by itself" if seen.restarts else ""
    stopping = ", and is being stopped by somebody" if seen.stopping else ""
    return {
        ProcessState.RUNNING: f"running{since}{again}{stopping}",
        ProcessState.EXITED: _end(seen, now),
        ProcessState.RESTARTING: f"crashes again and again{again}, at last: {_end(seen, now)}",
        ProcessState.PAUSED: "paused: somebody froze it, and it answers nothing",
        ProcessState.MISSING: "its container is being removed",
        ProcessState.UNKNOWN: f"Docker reports a state that is not known here: {clean(status, 40)}",
    }[seen.state]


def _end(seen: ProcessSeen, now: datetime) -> str:
    if seen.started_at is None:
        return "created, but never started"
    ago = f", {in_words(now - seen.finished_at)} ago" if seen.finished_at else ""
    code = f"exit code {seen.exit_code}"
    if seen.oom_killed:
        limit = f" at its limit of {in_bytes(seen.memory_limit)}" if seen.memory_limit else ""
        return f"killed for lack of memory{limit} ({code}){ago}"
    if seen.stopped:
        return f"stopped by somebody ({code}){ago}"
    before = "; the kernel had killed another of its processes for memory" if seen.oom_killed_before else ""
    if seen.ended is Ended.KILLED:
        return f"killed by somebody ({code}){ago}{before}"
    return f"exited with code {seen.exit_code}{ago}{before}"


_NEARLY_ALL = 0.9


def usage_of(stats: Mapping[str, Any], host: Mapping[str, Any]) -> Usage:
    """Memory without the page cache, as `docker stats` counts it, and CPU over the last second."""
    memory = stats.get("memory_stats") or {}
    used = memory.get("usage")
    if used is not None:
        detail = memory.get("stats") or {}
        used = max(0, used - (detail.get("total_inactive_file") or detail.get("inactive_file") or 0))
    return Usage(memory_used=used, cpu_share=_cpu_share(stats, host))


def _cpu_share(stats: Mapping[str, Any], host: Mapping[str, Any]) -> float | None:
    now, before = stats.get("cpu_stats") or {}, stats.get("precpu_stats") or {}
    try:
        system = now["system_cpu_usage"] - before["system_cpu_usage"]
        busy = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    except KeyError:
        return None
    cpus = now.get("online_cpus") or len(now["cpu_usage"].get("percpu_usage") or ()) or 1
    allowed = _cpus_allowed(host) or cpus
    if system <= 0:
        return None
    share = max(0.0, float(busy) / float(system) * cpus / allowed)
    return max(1.0, share) if _held_back(now, before) else share


def _held_back(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether the kernel held it back in nearly every period of its quota: then it used all of it.

    A second has ten periods, so the share alone may show nine of them.
    """
    after, earlier = now.get("throttling_data") or {}, before.get("throttling_data") or {}
    periods = after.get("periods", 0) - earlier.get("periods", 0)
    throttled = after.get("throttled_periods", 0) - earlier.get("throttled_periods", 0)
    return bool(periods > 0 and throttled >= _NEARLY_ALL * periods)


def _cpus_allowed(host: Mapping[str, Any]) -> float | None:
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / 1e9
    if (host.get("CpuQuota") or 0) > 0:
        return float(host["CpuQuota"]) / float(host.get("CpuPeriod") or 100_000)
    return None


def log_lines(raw: bytes, lines: int, latest_run: datetime | None) -> RecentLog:
    """Split a log whose lines begin with their time, and count those of the latest run."""
    kept: list[bytes] = []
    times: list[datetime | None] = []
    fresh = 0
    for line in raw.splitlines()[-lines:]:
        stamp, _, text = line.partition(b" ")
        at = _stamp(stamp)
        kept.append(line if at is None else text)
        times.append(at)
        # A line without a time continues the one before it.
        new = latest_run is None or (at > latest_run if at else fresh > 0)
        fresh = fresh + 1 if new else 0
    return RecentLog(tuple(kept), fresh, tuple(times))


def _stamp(text: bytes) -> datetime | None:
    try:
        return moment(text.decode("ascii"))
    except ValueError:
        return None
