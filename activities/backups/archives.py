"""What `pg_restore` tells of an archive, and what its complaints mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from activities.support.redaction import clean

_MADE_AT = re.compile(r"^;\s*Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_DATABASE = re.compile(r"^;\s*dbname: (.{1,200})$", re.MULTILINE)
_SERVER = re.compile(r"^;\s*Dumped from database version: (\S{1,40})", re.MULTILINE)
_EXTENSION = re.compile(r"^\d+; \d+ \d+ EXTENSION - (\S{1,63}) *$", re.MULTILINE)
_ENTRY = re.compile(r"^\d+; \d+ \d+ (TABLE DATA|[A-Z]+) ", re.MULTILINE)


@dataclass(frozen=True)
class Listed:
    """The list of an archive."""

    entries: int
    tables: int
    """Tables whose rows are in it."""
    database: str
    server: str
    made_at: datetime | None
    extensions: tuple[str, ...] = ()


def listed_in(text: str) -> Listed:
    """Read the answer of `pg_restore --list`."""
    kinds = [match[1] for match in _ENTRY.finditer(text)]
    database, server, made_at = _DATABASE.search(text), _SERVER.search(text), _MADE_AT.search(text)
    return Listed(
        entries=len(kinds),
        tables=kinds.count("TABLE DATA"),
        database=clean(database[1], 80) if database else "",
        server=clean(server[1], 40) if server else "",
        made_at=_time(made_at[1]) if made_at else None,
        extensions=tuple(match[1] for match in _EXTENSION.finditer(text)),
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


_TRUNCATED = "it is truncated: it ends before its contents do"
_DAMAGE = (
    ("end of file", _TRUNCATED),
    ("unexpected end", _TRUNCATED),
    ("input file is too short", _TRUNCATED),
    ("could not find block", _TRUNCATED),
    ("does not appear to be a valid", "it is no backup: pg_restore does not know its format"),
    ("could not uncompress", "it is damaged: its contents cannot be uncompressed"),
    ("could not decompress", "it is damaged: its contents cannot be uncompressed"),
    ("unexpected block", "it is damaged: its blocks are not where they should be"),
    ("unrecognized data block", "it is damaged: its blocks are not where they should be"),
    ("no such file or directory", "a file that its list names is missing"),
    ("entry id", "it is damaged: its list cannot be read"),
    ("corrupt", "it is damaged"),
)
_OURS = (
    ("unsupported version", "it was made by a newer pg_dump than {program}: install that version, or newer"),
    ("appears to be a text format dump", "it is plain SQL: write kind: plain"),
    ("out of memory", "pg_restore ran out of the memory that it may take: raise memory"),
    ("not built with", "this pg_restore cannot uncompress it: install one that was built with it"),
    (
        "not supported by this build",
        "this pg_restore cannot uncompress it: install one that was built with it",
    ),
    ("not supported in this installation", "this pg_restore cannot uncompress it: install one that can"),
    ("this build does not support", "this pg_restore cannot uncompress it: install one that does"),
    ("permission denied", "it may not be read by this worker: let its user read it"),
    ("error while loading shared", "{program} cannot run here: install it anew"),
    ("unrecognized option", "{program} is not the pg_restore of PostgreSQL: write its path under pg_restore"),
)


def said_by(complaint: str, program: str) -> tuple[str, str]:
    """The damage that a complaint tells of, or else why nothing is known, with its cure.

    What is not known says nothing of the backup: pg_restore's own words are told.
    """
    complaint = complaint.removeprefix("pg_restore: ").removeprefix("error: ")
    text = complaint.lower()
    for words, cure in _OURS:
        if words in text:
            return "", f"{cure.format(program=program)} (pg_restore: {complaint})"
    for words, damage in _DAMAGE:
        if words in text:
            return f"{damage} (pg_restore: {complaint})", ""
    return "", f"pg_restore cannot read it: {complaint}"
