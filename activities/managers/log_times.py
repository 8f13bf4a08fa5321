"""Which lines of a log file are of the latest run, by the times that they begin with.

For managers that keep no times of their own. Lines without a time continue the one before; a log
without any is all of the latest run, as nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_TIME = re.compile(
    rb"\W?(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d+))?"
    rb"\s?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)
_ZONE_STEP = timedelta(minutes=15)
"""Every zone on earth is a multiple of this away from UTC."""


def fresh_lines(lines: Sequence[bytes], began: datetime, written: datetime) -> int:
    """How many of the last lines were written since `began`, for a line that tells only its second since
    that second.

    `written` is the last change of the file: a time that names no zone is read in the zone in which
    the newest one is that.
    """
    times = times_of(lines, written)
    if not any(times):
        return len(lines)
    fresh, old = 0, False
    for at in times:
        if at:
            old = at < (began if at.microsecond else began.replace(microsecond=0))
        fresh = 0 if old else fresh + 1
    return fresh


def times_of(lines: Sequence[bytes], written: datetime) -> tuple[datetime | None, ...]:
    """When each line says that it was written; None for one that does not. `written` is as above."""
    stamps = [_stamp(line) for line in lines]
    newest = next((stamp for stamp in reversed(stamps) if stamp), None)
    if newest is None:
        return (None,) * len(lines)
    away = round((written - newest) / _ZONE_STEP) * _ZONE_STEP
    return tuple(stamp + away if stamp else None for stamp in stamps)


def _stamp(line: bytes) -> datetime | None:
    """The time at the beginning of a line, as if in UTC where it names no zone."""
    found = _TIME.match(line)
    if found is None:
        return None
    day, time, part, zone = ((found[name] or b"").decode() for name in ("day", "time", "part", "zone"))
    text = f"{day}T{time}.{part[:6]:0<6}{'Z' if zone in ('', 'UTC') else zone}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
