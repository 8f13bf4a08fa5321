"""Reads the last lines of a service's log, and searches them for the configured patterns.

Lines are cleaned, redacted and bounded. Patterns count only in the latest run of the service, so that
an error of last week explains nothing today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.managers import ManagerError, Managers
from activities.service.matching import Searched, searched
from activities.support.log_end import last_error
from activities.support.redaction import LINE_LIMIT, clean_lines, excerpt
from models.base import Model, in_number
from models.evidence.evidence import Evidence, Finding
from models.evidence.logged import LoggedError
from models.service.request import ServiceRequest
from models.service.service import Service
from models.text import shorten

MOST_AROUND = 20
_LONGEST_ERROR = 120
_SEARCHED = 5000
"""Lines."""
_TAIL_BYTES = 256 * 1024
"""What one look may add to a history, however many lines the configuration asks for."""


class LogMatch(Model):
    """How often a named pattern stands in the scanned lines, and the newest of them, redacted."""

    count: int
    sample: str
    line: int = 0
    """Where the newest stands among the scanned lines, counted from the oldest."""


class LogsSeen(Evidence):
    """The last lines of a log, cleaned and redacted before they left the activity."""

    tail: tuple[str, ...] = ()
    fresh: int | None = None
    """How many of these lines, from the end, were written since its last start; None for all of them."""
    matches: dict[str, LogMatch] = {}
    last_error: LoggedError | None = None
    """In all of these lines, of earlier runs as well."""

    @property
    def fresh_tail(self) -> tuple[str, ...]:
        """The lines of its latest run."""
        return self.tail if self.fresh is None else self.tail[max(0, len(self.tail) - self.fresh) :]

    @property
    def sign(self) -> str:
        """A log points to a cause by what it matches, by its last error, or by both."""
        told = _told(self.last_error)
        return told.removeprefix("; ") if self.ok and told else f"{self.reason}{told}"

    def has(self, pattern: str) -> bool:
        return pattern in self.matches

    def newest(self, *patterns: str) -> tuple[str, ...]:
        """Which of these patterns the newest line matches that any of them does."""
        found = {name: self.matches[name].line for name in patterns if name in self.matches}
        return tuple(name for name, line in found.items() if line == max(found.values()))


class LinesAround(ServiceRequest):
    """The lines that were written around a moment."""

    at: datetime


class LinesSeen(Evidence):
    """Lines of the log around a moment, cleaned and redacted, oldest first."""

    lines: tuple[str, ...] = ()


class LogActivities:
    """Reads logs through the manager of the service."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def read_logs(self, service: Service) -> LogsSeen:
        """The tail and the named patterns in it. `ok` when none matched, `bad` when some did."""
        now = datetime.now(UTC)
        try:
            log = self._managers.of(service).logs(service.logs.lines)
        except ManagerError as error:
            return LogsSeen(finding=Finding.UNKNOWN, reason=str(error), observed_at=now)
        lines = clean_lines(log.lines)
        fresh = lines[len(lines) - log.fresh :]
        times = log.times[len(lines) - log.fresh :]
        since_start = last_error(fresh, times)
        found = searched(service.logs.patterns, fresh)
        matches = _matches(fresh, found)
        finding = Finding.UNKNOWN if found.too_slow or found.not_searched else Finding.OK
        return LogsSeen(
            finding=Finding.BAD if matches else finding,
            reason=_reason(matches, len(lines), fresh, since_start)
            + _newest(matches, times)
            + _missing(found),
            observed_at=now,
            tail=_tail(lines),
            fresh=log.fresh,
            matches=matches,
            last_error=last_error(lines, log.times),
        )

    @activity.defn
    def lines_around(self, request: LinesAround) -> LinesSeen:
        """At most `MOST_AROUND` lines of the minute before and the half minute after; never `bad`."""
        now = datetime.now(UTC)
        try:
            log = self._managers.of(request.service).logs(_SEARCHED)
        except ManagerError as error:
            return LinesSeen(reason=str(error), observed_at=now)
        if not any(log.times):
            return LinesSeen(reason="the lines of the log do not tell their time", observed_at=now)
        earliest = min(at for at in log.times if at)
        if earliest > request.at:
            reason = f"the log reaches back to {earliest:%H:%M:%S} UTC only"
            return LinesSeen(reason=reason, observed_at=now)
        begin, end = request.at - timedelta(minutes=1), request.at + timedelta(seconds=30)
        around = [line for line, at in zip(log.lines, log.times, strict=True) if at and begin <= at <= end]
        nearest = clean_lines(around)[-MOST_AROUND:]
        words = f": {shorten(nearest[-1], 160)}" if nearest else ""
        reason = f"{len(around)} lines around {request.at:%H:%M:%S} UTC{words}"
        return LinesSeen(finding=Finding.OK, reason=reason, observed_at=now, lines=_tail(nearest))


def _matches(lines: Sequence[str], found: Searched) -> dict[str, LogMatch]:
    """By name, how many lines match, and the newest of them; in the order in which they were first found."""
    found_at = {name: places[0].line for name, places in found.places.items() if places}
    matches = {}
    for name in sorted(found_at, key=found_at.__getitem__):
        newest = found.places[name][-1]
        sample = excerpt(lines[newest.line], newest.begin, newest.end)
        matches[name] = LogMatch(count=len(found.places[name]), sample=sample, line=newest.line)
    return matches


def _missing(found: Searched) -> str:
    if found.not_searched:
        return f"; not searched for all patterns: {found.not_searched}"
    if not found.too_slow:
        return ""
    cure = "write it under logs.patterns without repetitions of repetitions"
    return f"; the pattern {found.too_slow} takes too long on these lines: {cure}"


def _reason(
    matches: Mapping[str, LogMatch], lines: int, fresh: Sequence[str], error: LoggedError | None
) -> str:
    if not lines:
        return "the log is empty"
    read = (
        f"the last {in_number(lines, 'line')} of the log"
        if len(fresh) == lines
        else f"the {in_number(len(fresh), 'line')} since its last start"
    )
    if not matches:
        return f"none of `logs.patterns` matches {read}{_told(error)}"
    found = ", ".join(f"{name} ({match.count})" for name, match in matches.items())
    return f"in {read}: {found}"


def _newest(matches: Mapping[str, LogMatch], times: Sequence[datetime | None]) -> str:
    """When the newest line that matches was written: what is over may have left it there."""
    line = max((one.line for one in matches.values()), default=None)
    at = times[line] if times and line is not None else None
    return f", the newest of {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _told(error: LoggedError | None) -> str:
    if error is None:
        return ""
    at = f", of {error.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if error.at else ""
    return f"; the last error{at}: {shorten(error.text, _LONGEST_ERROR)}"


def _tail(lines: Iterable[str]) -> tuple[str, ...]:
    kept: list[str] = []
    room = _TAIL_BYTES
    for line in reversed(list(lines)):
        short = shorten(line, LINE_LIMIT)
        room -= len(short.encode()) + 3  # the quotes and the comma around it
        if room < 0:
            break
        kept.append(short)
    return tuple(reversed(kept))
