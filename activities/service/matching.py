"""Searches lines for patterns of the configuration, of which one may take for ever on a line.

A search by `re` cannot be ended, and nothing else runs in its process meanwhile: so it has one of its own.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

WITHIN = timedelta(seconds=10)
"""For all patterns: reading some thousand lines by a hundred of them takes less than a second."""

_SEARCHES = """
import json, re, sys
patterns, lines = json.load(sys.stdin)
print(flush=True)
for pattern in patterns:
    search = re.compile(pattern).search
    found = [(at, one.start(), one.end()) for at, one in enumerate(map(search, lines)) if one]
    print(json.dumps(found), flush=True)
"""


@dataclass(frozen=True)
class Place:
    """Where a pattern was found: the line, and where in it."""

    line: int
    begin: int
    end: int


@dataclass(frozen=True)
class Searched:
    """The places of each pattern, by its name; of all of them unless one of the others says why not."""

    places: dict[str, list[Place]]
    too_slow: str = ""
    """The pattern that took too long. None was tried after it."""
    not_searched: str = ""
    """What came in between on this host, for which no pattern is to blame."""


def searched(patterns: Mapping[str, str], lines: Sequence[str], within: timedelta = WITHIN) -> Searched:
    """Search each line for each pattern."""
    if not patterns or not lines:
        return Searched({})
    given = json.dumps([list(patterns.values()), list(lines)]).encode()
    command = [sys.executable, "-I", "-S", "-c", _SEARCHES]
    try:
        done = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, timeout=within.total_seconds(), env={}, check=False
        )
    except subprocess.TimeoutExpired as late:
        return told(list(patterns), late.stdout or b"", None)
    except OSError as error:
        why = f"the process that searches could not be started ({error.strerror or type(error).__name__})"
        return Searched({}, not_searched=why)
    return told(list(patterns), done.stdout, done.returncode)


def told(names: Sequence[str], written: bytes, code: int | None) -> Searched:
    """What the process that searches wrote: a line when it begins, and one for each pattern.

    `code` is its return code; None where it was ended, as it took too long.
    """
    *lines, half = written.split(b"\n")
    found = [[Place(*one) for one in json.loads(line)] for line in lines[1:]]
    places = dict(zip(names, found, strict=False))
    if len(found) == len(names):
        return Searched(places)
    if code is not None:
        return Searched(places, not_searched=f"the process that searches ended early ({_end(code)})")
    if half or not lines:
        return Searched(places, not_searched="the process that searches got too little of this host's time")
    return Searched(places, too_slow=names[len(found)])


def _end(code: int) -> str:
    return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit code {code}"
