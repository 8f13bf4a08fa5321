"""Searches lines for patterns of the configuration, of which one may take for ever on a line.

A search by `re` cannot be ended, and nothing else runs in its process meanwhile: so it has one of its own.
"""

from __future__ import annotations

import json
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
    """The places of each pattern, by its name. `too_slow` took too long, and none was tried after it."""

    places: dict[str, list[Place]]
    too_slow: str = ""


def searched(patterns: Mapping[str, str], lines: Sequence[str], within: timedelta = WITHIN) -> Searched:
    """Search each line for each pattern. Raises `OSError` where no process can be started."""
    if not patterns or not lines:
        return Searched({})
    given = json.dumps([list(patterns.values()), list(lines)]).encode()
    command = [sys.executable, "-I", "-S", "-c", _SEARCHES]
    try:
        done = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, timeout=within.total_seconds(), env={}, check=False
        ).stdout
    except subprocess.TimeoutExpired as late:
        done = late.stdout or b""
    found = [[Place(*one) for one in json.loads(line)] for line in done.splitlines()]
    names = list(patterns)
    places = dict(zip(names, found, strict=False))
    return Searched(places, "" if len(found) == len(names) else names[len(found)])
