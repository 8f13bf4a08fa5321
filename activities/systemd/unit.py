"""A unit, as `systemctl show` prints it.

systemd does not say who ended a service. The order of two of its times does: a main process that ends
after its unit began to stop was asked to; one that ends before ended by itself.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from activities.systemd.journal import End

PROPERTIES = (
    *("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Type", "Result", "Restart", "Job"),
    *("InvocationID", "MainPID", "ExecMainCode", "ExecMainStatus", "NRestarts"),
    *("NeedDaemonReload", "FreezerState"),
    *("ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic"),
    *("InactiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic"),
    *("ActiveEnterTimestampMonotonic", "ActiveExitTimestampMonotonic", "StateChangeTimestampMonotonic"),
    *("TimeoutStartUSec", "RestartUSec", "RuntimeMaxUSec", "MemoryMax", "ConditionResult", "AssertResult"),
    *("ConditionTimestampMonotonic", "AssertTimestampMonotonic"),
    *("Requires", "Requisite", "BindsTo", "PartOf", "TriggeredBy", "Listen"),
)
"""What is asked for."""

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_SECONDS |= {"day": 86400, "days": 86400, "month": 2629800, "months": 2629800, "y": 31557600}
_NO_LIMIT = 2**60
"""Bytes from which a limit is none: systemd writes `infinity`, or the largest number there is."""


class Being(StrEnum):
    """What a unit does."""

    RUNS = "runs"
    COMES_UP = "comes up"
    """Its programs run, and it has not said yet that it is ready."""
    GOES_DOWN = "goes down"
    WAITS = "waits"
    """It does not run, and systemd is about to start it: after a crash, or behind a job."""
    IDLE = "idle"
    """It does not run, and nobody stopped it: a socket of it starts it with the next connection."""
    ENDED = "ended"
    UNWATCHED = "unwatched"
    """A one-shot that stays active: systemd does not know what became of what it started."""
    FROZEN = "frozen"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Unit:
    """One unit at one moment; `others` are those that it needs, or that trigger it, by name."""

    told: Mapping[str, str]
    now: datetime
    uptime: float
    """Seconds of the machine's monotonic clock at that moment."""
    others: Mapping[str, Unit] = field(default_factory=dict)
    life: End | None = None
    """How its last run ended, by the journal: systemd forgets a unit that stands still and is not enabled."""

    def __getitem__(self, name: str) -> str:
        return self.told.get(name, "")

    @property
    def being(self) -> Being:
        if self["LoadState"] == "not-found" and self["ActiveState"] in ("inactive", "failed"):
            return Being.MISSING
        if self["FreezerState"] == "frozen":
            return Being.FROZEN
        state, sub = self["ActiveState"], self["SubState"]
        if state in ("inactive", "failed"):
            if self.queued:
                return Being.WAITS
            return Being.IDLE if self.listening and not self.asked_to_end else Being.ENDED
        if state == "activating":
            return Being.WAITS if sub.startswith("auto-restart") else Being.COMES_UP
        known = {"active": Being.RUNS, "reloading": Being.RUNS, "refreshing": Being.RUNS}
        known["deactivating"] = Being.GOES_DOWN
        return Being.UNWATCHED if (state, sub) == ("active", "exited") else known.get(state, Being.UNKNOWN)

    @property
    def queued(self) -> bool:
        """Its start has been asked for, and waits for other units."""
        return self["Job"] not in ("", "0")

    @property
    def about_to_end(self) -> bool:
        """It is being stopped, or will be: what was asked for waits for other units."""
        stays = self.being in (Being.RUNS, Being.UNWATCHED)
        return self["ActiveState"] == "deactivating" or (self.queued and stays)

    @property
    def listening(self) -> bool:
        """It stands still, and a socket of it starts it with the next connection."""
        sockets = (one for name, one in self.others.items() if name in self.triggers)
        waits = any(one["ActiveState"] == "active" and one["SubState"] == "listening" for one in sockets)
        return waits and self["ActiveState"] == "inactive" and self["LoadState"] != "masked"

    @property
    def masked(self) -> bool:
        return self["LoadState"] == "masked"

    @property
    def began(self) -> datetime | None:
        """When the main process of the last run was started."""
        times = [self["ExecMainStartTimestampMonotonic"]]
        if self.being is Being.COMES_UP:
            times.append(self["InactiveExitTimestampMonotonic"])
        return self._moment(max(map(_number, times)))

    @property
    def run_began(self) -> datetime | None:
        """When the last run left the state in which nothing runs."""
        return self._moment(_number(self["InactiveExitTimestampMonotonic"]))

    @property
    def ended(self) -> datetime | None:
        if self.forgotten and self.life:
            return self.life.at
        latest = max(self._ended_at, _number(self["InactiveEnterTimestampMonotonic"]))
        return self._moment(latest)

    @property
    def forgotten(self) -> bool:
        return not _number(self["ExecMainStartTimestampMonotonic"])

    @property
    def never_ran(self) -> bool:
        return self.forgotten and self.life is None

    @property
    def exit_code(self) -> int | None:
        """Of the last run: 128 and the number for a signal."""
        if not self._ended_at:
            return None
        status = _number(self["ExecMainStatus"])
        return status if self["ExecMainCode"] in ("1", "exited") else 128 + status

    @property
    def asked_to_end(self) -> bool:
        """Its last run ended because its unit was stopped; neither a crash nor one of its own limits."""
        if self.forgotten:
            return self.life is not None and self.life.asked
        if self._kept_from_its_restart:
            return True
        if self["Result"] in ("watchdog", "oom-kill", "start-limit-hit") or self._ran_out_of_time:
            return False
        left, began = _number(self["ActiveExitTimestampMonotonic"]), self._began_at
        if left >= began:
            return self._ended_at >= left > 0
        killed = self["ExecMainCode"] not in ("1", "exited")
        # Stopped on its way up: it was never active in this run.
        return self["Result"] == "success" and not self.one_shot and killed and self._ended_at > 0

    @property
    def out_of_memory(self) -> bool:
        """The kernel killed a process of it for memory, and it ended for that."""
        return self["Result"] == "oom-kill"

    @property
    def one_shot(self) -> bool:
        return self["Type"] == "oneshot"

    @property
    def gave_up(self) -> bool:
        """systemd would have started it again, and does not any more."""
        again = self["Restart"] not in ("", "no") and self.restarts > 0
        return self["ActiveState"] == "failed" and (self["Result"] == "start-limit-hit" or again)

    @property
    def restarts(self) -> int:
        return _number(self["NRestarts"])

    @property
    def unmet(self) -> bool:
        """A condition of it says that it must not run here and now."""
        if self["ActiveState"] not in ("inactive", "failed") or self.asked_to_end:
            return False
        return self._denied

    @property
    def needs(self) -> tuple[str, ...]:
        """The units without which it does not run."""
        names = (name for key in ("BindsTo", "Requisite", "Requires", "PartOf") for name in self[key].split())
        plain = (".slice", ".target", ".device")
        return tuple(dict.fromkeys(one for one in names if not one.endswith(plain)))

    @property
    def triggers(self) -> tuple[str, ...]:
        return tuple(one for one in self["TriggeredBy"].split() if one.endswith(".socket"))

    @property
    def broken(self) -> tuple[Unit, ...]:
        """What it needs and cannot run."""
        needed = [self.others[name] for name in self.needs if name in self.others]
        return tuple(one for one in needed if one.masked or one["ActiveState"] == "failed" or one.missing)

    @property
    def missing(self) -> bool:
        return self.being is Being.MISSING

    @property
    def memory_limit(self) -> int | None:
        limit = _number(self["MemoryMax"])
        return limit if 0 < limit < _NO_LIMIT else None

    def span(self, name: str) -> timedelta | None:
        """A duration of it; None where there is no bound."""
        return span(self[name])

    @property
    def _began_at(self) -> int:
        return _number(self["ExecMainStartTimestampMonotonic"])

    @property
    def _ended_at(self) -> int:
        """Zero while the main process of the last run lives, or when there was none."""
        at = _number(self["ExecMainExitTimestampMonotonic"])
        return at if at >= self._began_at else 0

    @property
    def _denied(self) -> bool:
        """Its last start ended at a condition."""
        # Before it was ever tried, both results are `no`.
        tried = (name for name in ("Condition", "Assert") if _number(self[f"{name}TimestampMonotonic"]))
        return any(self[f"{name}Result"] == "no" for name in tried)

    @property
    def _kept_from_its_restart(self) -> bool:
        """It ended by itself, and was stopped while systemd waited to start it again.

        Left alone it would run, or be `failed`.
        """
        if self["ActiveState"] != "inactive" or self.queued or self._denied:
            return False
        if self["Result"] in ("", "success"):
            return self["Restart"] in ("always", "on-success")
        return self["Result"] != "exec-condition"

    @property
    def _ran_out_of_time(self) -> bool:
        most = self.span("RuntimeMaxUSec")
        entered, left = (_number(self[f"{name}TimestampMonotonic"]) for name in ("ActiveEnter", "ActiveExit"))
        ran = timedelta(microseconds=max(0, left - entered))
        return self["Result"] == "timeout" and most is not None and ran >= most

    def _moment(self, microseconds: int) -> datetime | None:
        if not microseconds:
            return None
        return self.now - timedelta(seconds=max(0.0, self.uptime - microseconds / 1e6))


def units_in(printed: str, now: datetime, uptime: float) -> Iterator[Unit]:
    """The units of one answer of `systemctl show`, in their order: blank lines stand between them."""
    for block in printed.strip().split("\n\n"):
        told: dict[str, str] = {}
        for line in block.splitlines():
            name, equals, value = line.partition("=")
            if equals:
                # A socket has a line for each address.
                told[name] = f"{told[name]}\n{value}" if told.get(name) and name == "Listen" else value
        if told:
            yield Unit(told, now, uptime)


def span(text: str) -> timedelta | None:
    """A duration as systemd writes it: `1min 30s`; None for `infinity`, zero, or what is none."""
    total = 0.0
    for part in text.split():
        number = part.rstrip("abcdefghijklmnopqrstuvwxyz")
        try:
            total += float(number) * _SECONDS[part[len(number) :]]
        except (KeyError, ValueError):
            return None
    return timedelta(seconds=total) if 0 < total < 1e9 else None


def signal_name(exit_code: int) -> str:
    try:
        return signal.Signals(exit_code - 128).name
    except ValueError:
        return f"signal {exit_code - 128}"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 21 else 0
