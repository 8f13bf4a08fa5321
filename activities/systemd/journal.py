"""Entries of the journal, as `journalctl --output=json` prints them: a JSON document a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

STOPPING = "de5b426a63be47a7b6ac3eaac82e2f6f"
STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
SUCCEEDED = "7ad2d189f7e94e70a38c781354912448"
STARTED = "39f53479d3a045ac8e11786248231fbf"
STOPPED = "9d1aaa27d60140bd96365438aad20286"
MESSAGES = (STARTING, STARTED, STOPPING, STOPPED, FAILED, SUCCEEDED)
"""The kinds of entries that tell of a unit's life; their numbers are systemd's and do not change."""
RUN = ("_SYSTEMD_INVOCATION_ID", "INVOCATION_ID", "USER_INVOCATION_ID")
"""The fields that name the run of a unit that an entry belongs to: of what it writes itself, of what systemd
writes of it, and of what a user's own systemd does."""
_BEGINS = (STARTING, STARTED)
_ENDED_BY_SOMEBODY = (STOPPING, STOPPED)
DEATHS = 20
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ASKED_WITHIN = timedelta(minutes=8)


@dataclass(frozen=True)
class Entry:
    at: datetime
    text: bytes
    kind: str = ""
    boot: str = ""
    run: str = ""


def entries_in(printed: str) -> tuple[Entry, ...]:
    """Oldest first, whatever their order in the answer. What is cut or strange is left out."""
    return tuple(sorted(_entries(printed), key=lambda one: one.at))


def of_run(entries: tuple[Entry, ...], began: datetime | None, run: str) -> int:
    """How many of them belong to the run of this ID, which began then. systemd takes the time of a start once
    it has started a process, so what that writes at once may be older, and is known by the ID."""
    return sum(not began or one.at >= began or one.run == run != "" for one in entries)


def of_this_boot(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Without those from before the machine started: that it went down says nothing of what is wanted now."""
    boot = _BOOT.read_text().strip().replace("-", "")
    return tuple(one for one in entries if one.boot == boot)


def _entries(printed: str) -> Iterator[Entry]:
    # Asked for the newest first: of entries in one microsecond the last printed is the oldest.
    for line in reversed(printed.splitlines()):
        try:
            told = json.loads(line)
            at = datetime.fromtimestamp(int(told["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
            kind, boot = (str(told.get(name) or "") for name in ("MESSAGE_ID", "_BOOT_ID"))
            run = next((str(told[name]) for name in reversed(RUN) if told.get(name)), "")
            yield Entry(at, _bytes(told.get("MESSAGE")), kind, boot, run)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError, OSError):
            continue


def _bytes(message: object) -> bytes:
    """A text; or, where it is none, its bytes as numbers; nothing where it is too long to be printed."""
    if isinstance(message, str):
        return message.encode(errors="replace")
    return bytes(message) if isinstance(message, list) else b""


def deaths_in(entries: tuple[Entry, ...]) -> tuple[datetime, ...]:
    """When the unit failed without having been stopped, once for each of its starts, the newest last."""
    found: list[datetime] = []
    told, asked = False, None
    for one in entries:
        if one.kind in _BEGINS:
            told, asked = False, None
        elif one.kind in _ENDED_BY_SOMEBODY:
            asked = one.at
        elif one.kind == FAILED and not told:
            told = True
            if not (asked and one.at - asked < _ASKED_WITHIN):
                found.append(one.at)
    return tuple(found[-DEATHS:])


@dataclass(frozen=True)
class End:
    """The end of a run: whether somebody asked for it; and when, where that is told."""

    asked: bool
    at: datetime | None = None


def last_end_in(entries: tuple[Entry, ...]) -> End | None:
    """How the last run of a unit ended that does not run; None where nothing is told of one.

    A user's systemd does not write that a service ended in order: it began, and nobody stopped it.
    """
    end: End | None = None
    for one in entries:
        if one.kind in _BEGINS:
            end = End(asked=False)
        elif one.kind in _ENDED_BY_SOMEBODY:
            end = End(asked=True, at=one.at)
        elif one.kind in (FAILED, SUCCEEDED):
            end = End(asked=end is not None and end.asked, at=one.at)
    return end
