"""A service of systemd, for machines without Docker: by `systemctl` and `journalctl`, as argument lists.

systemd keeps no versions, so going back needs a script. It must be the machine's own: the worker runs
on it, and not in a container.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from activities.managers.command import Ran, run
from activities.managers.host_processes import cpu_share_of, family, memory_of
from activities.managers.manager import (
    ManagerError,
    ManagerRefused,
    ManagerUnreachable,
    RecentLog,
    Unsupported,
    Usage,
)
from activities.managers.process_seen import Ended, OwnCheck, ProcessSeen, ProcessState
from activities.support.environment import minimal
from activities.systemd.journal import MESSAGES, RUN, deaths_in, entries_in, last_end_in, of_run, of_this_boot
from activities.systemd.unit import PROPERTIES, Being, Unit, units_in
from activities.systemd.words import in_a_sentence
from models.evidence.evidence import Finding
from models.service import service as configured
from models.version import Version

ANSWERS_WITHIN = timedelta(seconds=5)
_JOURNAL_WITHIN = timedelta(seconds=15)
_LOG_SINCE = timedelta(days=7)
_DEATHS_SINCE = timedelta(days=1)
_LONGEST_STOP = 480.0
"""Seconds; systemd kills after the unit's own `TimeoutStopSec`, 90 s by default."""
_LOOK_EVERY = 0.1
_MOST_OTHERS = 20

_STATES = {
    Being.RUNS: ProcessState.RUNNING,
    Being.COMES_UP: ProcessState.RUNNING,
    Being.GOES_DOWN: ProcessState.RUNNING,
    Being.WAITS: ProcessState.RESTARTING,
    Being.ENDED: ProcessState.EXITED,
    Being.FROZEN: ProcessState.PAUSED,
    Being.MISSING: ProcessState.MISSING,
}
_NOBODY = ("Failed to connect to bus", "has not been booted with systemd", "Failed to get properties")
_MAY_NOT = ("authentication required", "Access denied", "Permission denied", "not authorized")
_HIDDEN = ("insufficient permissions", "Pass -q to turn off this notice")


class SystemdManager:
    """One unit of the machine's systemd, or of the worker's own user."""

    def __init__(self, configuration: configured.SystemdManager) -> None:
        self._configured = configuration
        self._unit = configuration.unit
        self._user = configuration.user

    def state(self) -> ProcessSeen:
        return seen_of(self._look())

    def examine(self) -> ProcessSeen:
        unit = self._look()
        try:
            kinds = [f"MESSAGE_ID={one}" for one in MESSAGES]
            told = entries_in(self._journal(200, _DEATHS_SINCE, "MESSAGE_ID", *kinds))
        except ManagerError:
            return seen_of(unit)  # the state is worth more than its history
        seen = seen_of(replace(unit, life=last_end_in(of_this_boot(told))))
        return seen.model_copy(update={"deaths": deaths_in(told)})

    def usage(self) -> Usage:
        processes = family(self._main_pid())
        return Usage(memory_used=memory_of(processes), cpu_share=cpu_share_of(processes))

    def logs(self, lines: int) -> RecentLog:
        """What the unit wrote into the journal, with what systemd wrote of it."""
        unit = self._look()
        kept = entries_in(self._journal(lines, _LOG_SINCE, ",".join(("MESSAGE", *RUN))))
        fresh = of_run(kept, unit.run_began, unit["InvocationID"])
        return RecentLog(tuple(one.text for one in kept), fresh, tuple(one.at for one in kept))

    def pids(self) -> frozenset[int]:
        pid = self._main_pid()
        return frozenset(process.pid for process in family(pid)) if pid else frozenset()

    def publishes(self, port: int) -> bool:
        """A socket unit of it listens there, and passes the connections on."""
        unit = self._look(with_others=True)
        sockets = [one for name, one in unit.others.items() if name in unit.triggers]
        listened = (line.split(" ")[0] for one in sockets for line in one["Listen"].splitlines())
        return any(address.rpartition(":")[2] == str(port) for address in listened)

    def replicas(self) -> int:
        return int(self.state().running)

    def start(self) -> None:
        unit = self._ready()
        if unit.being is Being.FROZEN:
            self._ask("thaw")
            return
        self._count_anew()
        # What waits for its next try is started at once.
        self._ask("--no-block", "restart" if unit["ActiveState"] == "activating" else "start")

    def stop(self) -> None:
        """Return when it has ended. It has its own time for that, which may be longer than one answer."""
        self._ask("--no-block", "stop")
        self._wait_while_it_ends()

    def restart(self) -> None:
        unit = self._ready()
        if unit.being is Being.FROZEN:
            self._ask("thaw")
        self._count_anew()
        self._ask("--no-block", "restart")
        self._wait_while_it_ends()

    def signal(self, name: str) -> None:
        self._ask("kill", "--kill-who=main", f"--signal={name}")

    def set_memory_limit(self, size: int) -> None:
        """Takes effect at once, and lasts until the machine starts anew."""
        self._ask("--runtime", "set-property", then=(f"MemoryMax={size}",))

    def roll_back(self, version: Version) -> NoReturn:
        raise Unsupported(
            f"systemd keeps no versions of {self._unit}, so it cannot go back to {version.name}:"
            " configure a rollback script"
        )

    def scale(self, replicas: int) -> NoReturn:
        raise Unsupported(
            f"systemd cannot run {replicas} instances of {self._unit}: start more units of its template"
        )

    def environment(self) -> None:
        """It reads its `EnvironmentFile` by itself: what it read is not known here."""

    def recreate(self, settings: Mapping[str, str | None]) -> None:
        """Its `EnvironmentFile` is read at each start."""
        self.restart()

    def networks(self) -> NoReturn:
        raise Unsupported(f"{self._unit} runs under systemd, which has no networks of its own")

    def attach(self, network: str) -> NoReturn:
        raise Unsupported(
            f"{self._unit} runs under systemd, so there is no network {network} to connect it to"
        )

    def _ready(self) -> Unit:
        """The unit, where its start can succeed and would touch nothing else that is broken."""
        unit = self._look(with_others=True)
        if unit.masked:
            cure = f"run `systemctl unmask {self._unit}` first"
            raise Unsupported(f"{self._unit} is masked by somebody: {cure}")
        if unit.broken and unit.being in (Being.ENDED, Being.WAITS, Being.IDLE):
            names = ", ".join(one["Id"] for one in unit.broken)
            raise ManagerRefused(f"{self._unit} needs {names}, which cannot run: bring that back first")
        return unit

    def _count_anew(self) -> None:
        """systemd counts the starts that a person asks for, too: over its limit a restart is only a stop."""
        try:
            self._ask("reset-failed")
        except ManagerRefused as error:
            if "not loaded" not in str(error):
                raise  # what is not loaded has counted nothing

    def _wait_while_it_ends(self) -> None:
        until = time.monotonic() + _LONGEST_STOP
        while self._look(with_others=False).about_to_end:
            if time.monotonic() > until:
                raise ManagerRefused(f"{self._unit} did not end within {_LONGEST_STOP:g} s")
            time.sleep(_LOOK_EVERY)

    def _main_pid(self) -> int:
        pid = self._look(with_others=False)["MainPID"]
        return int(pid) if pid.isdigit() else 0

    def _look(self, with_others: bool | None = None) -> Unit:
        """The unit; with those that it needs, by default where it does not run."""
        unit = self._show(self._unit)[0]
        wanted = unit["ActiveState"] in ("inactive", "failed") if with_others is None else with_others
        names = tuple(dict.fromkeys((*unit.triggers, *unit.needs)))[:_MOST_OTHERS] if wanted else ()
        if not names:
            return unit
        others = dict(zip(names, self._show(*names), strict=True))
        return replace(unit, others=others)

    def _show(self, *names: str) -> tuple[Unit, ...]:
        done = systemctl(self._configured, "show", f"--property={','.join(PROPERTIES)}", "--", *names)
        units = tuple(units_in(done.output, datetime.now(UTC), time.monotonic()))
        if done.status or len(units) != len(names):
            raise ManagerUnreachable(f"systemd could not be asked: {done.last_words}")
        return units

    def _ask(self, *how: str, then: tuple[str, ...] = ()) -> None:
        done = systemctl(self._configured, *how, "--", self._unit, *then)
        if not done.status:
            return
        if any(sign in done.last_words for sign in _MAY_NOT):
            cure = "allow it as in deploy/systemd/50-runbooks.rules"
            raise ManagerRefused(f"this worker's user may not {how[-1]} {self._unit}: {cure}")
        raise ManagerRefused(f"systemd refused: {done.last_words}")

    def _journal(self, lines: int, since: timedelta, fields: str, *matches: str) -> str:
        """The newest entries, newest first."""
        began = int((datetime.now(UTC) - since).timestamp())
        unit = f"--{'user-' if self._user else ''}unit={self._unit}"
        how = (unit, f"--lines={lines}", f"--since=@{began}", "--reverse", "--output=json")
        command = ("journalctl", "--no-pager", *how, f"--output-fields={fields}", *matches)
        done = bounded(*command, within=_JOURNAL_WITHIN)
        if done.status or any(sign in done.last_words for sign in _HIDDEN):
            cure = "put its user into the group systemd-journal"
            raise ManagerRefused(f"this worker may not read the journal: {done.last_words}; {cure}")
        return done.output


def seen_of(unit: Unit) -> ProcessSeen:
    """The evidence in one `systemctl show`."""
    being = unit.being
    state = _STATES.get(being, ProcessState.UNKNOWN)
    findings = {ProcessState.RUNNING: Finding.OK, ProcessState.UNKNOWN: Finding.UNKNOWN}
    over = state in (ProcessState.EXITED, ProcessState.RESTARTING)
    pid = unit["MainPID"]
    return ProcessSeen(
        finding=findings.get(state, Finding.BAD),
        reason=in_a_sentence(unit),
        observed_at=unit.now,
        state=state,
        exit_code=unit.exit_code if over else None,
        ended=_ended(unit) if over else Ended.UNTOLD,
        stopping=being is Being.GOES_DOWN,
        oom_killed=over and unit.out_of_memory,
        restarts=unit.restarts,
        own_check=OwnCheck.STARTING if being is Being.COMES_UP else OwnCheck.NONE,
        may_start_for=unit.span("TimeoutStartUSec") if being is Being.COMES_UP else None,
        pid=int(pid) if pid.isdigit() and pid != "0" else None,
        started_at=unit.began,
        finished_at=None if state is ProcessState.RUNNING else unit.ended,
        memory_limit=unit.memory_limit,
    )


def _ended(unit: Unit) -> Ended:
    """A unit that somebody does not want to run, or whose work is done, is started for a person alone."""
    if unit.being is not Being.ENDED:
        return Ended.BY_ITSELF if not unit.never_ran else Ended.UNTOLD
    if unit.masked or unit.unmet:
        return Ended.STOPPED
    if unit.never_ran and unit["Result"] in ("", "success"):
        return Ended.UNTOLD if unit["UnitFileState"].startswith("enabled") else Ended.STOPPED
    if unit.asked_to_end:
        return Ended.BY_ITSELF if unit.broken else Ended.STOPPED
    done = unit.one_shot and unit["Result"] == "success"
    return Ended.STOPPED if done else Ended.BY_ITSELF


def services_of(configuration: configured.SystemdManager) -> list[tuple[str, str, str, str, str]]:
    """The services that systemd has loaded: name, load state, state, finer state, description.

    Raises a `ManagerError`.
    """
    how = ("--type=service", "--all", "--plain", "--no-legend", "--full")
    done = systemctl(configuration, "list-units", *how)
    if done.status:
        raise ManagerUnreachable(f"systemd could not be asked: {done.last_words}")
    rows = (line.split(None, 4) for line in done.output.splitlines())
    return [(name, loaded, state, sub, "".join(says)) for name, loaded, state, sub, *says in rows]


def systemctl(configuration: configured.SystemdManager, *arguments: str) -> Ran:
    """One call of `systemctl`. Raises `ManagerUnreachable`."""
    scope = ("--user",) if configuration.user else ()
    done = bounded("systemctl", *scope, "--no-ask-password", "--no-pager", *arguments, within=ANSWERS_WITHIN)
    if done.status and any(sign in done.last_words for sign in _NOBODY):
        raise ManagerUnreachable(f"systemd could not be asked: {done.last_words}")
    return done


def bounded(program: str, *arguments: str, within: timedelta) -> Ran:
    """Run one of systemd's programs in its time. Raises `ManagerUnreachable`."""
    environment = {**minimal(), "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
    try:
        return run((program, *arguments), timeout=within, environment=environment)
    except Unsupported as error:
        cure = "run a worker on the machine itself, not in a container"
        raise ManagerUnreachable(f"{error}: {cure}") from error
    except ManagerRefused as error:
        raise ManagerUnreachable(f"{program} did not answer within {within.seconds} s") from error
