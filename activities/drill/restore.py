"""Restores one backup into an empty database, with what is in the backup as its only privilege."""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from activities.backups.files import BackupFile
from activities.backups.plain import opened
from activities.backups.timely import TooLate, timely
from activities.backups.xz import NeedsTooMuch
from activities.drill.programs import Failed, as_nobody, program, run, within
from activities.drill.scratch import Scratch
from activities.support.regular_files import real_file
from models.base import in_bytes
from models.configuration.backups import BackupKind, BackupLocation

_PIECE = 2**20
_LEAST_UNPACKED = 2**30
_TEXT = 4
"""Times the room of a database that its text may have: a number or a time is longer as text."""
_CLUSTER = b"-- PostgreSQL database cluster dump"
_HARMLESS = (b"\\restrict ", b"\\unrestrict ")
_LETS_OUT = b"\\unrestrict"
"""Wherever it stands: a psql that is not of the newest minor runs what is between backquotes behind it."""
_LEFT_OUT = (b"GRANT ", b"REVOKE ", b"ALTER DEFAULT PRIVILEGES ", b"COMMENT ON ")
_A_COMMAND = "it has a command of psql outside its rows, which is not run: restore it by hand"
_TOO_LARGE = (
    "it unpacks to far more than its size lets expect, and would fill the disk: "
    "raise drill.room if it is as it should be"
)
_OURS = (
    "is not available",
    "permission denied to create extension",
    "must be superuser",
    "could not open extension control file",
    "already exists",
    "unrecognized configuration parameter",
    "permission denied",
    "no space left on device",
    "could not connect",
    "connection to server",
)


class NotRestored(Exception):
    """Nothing is known of the backup, in one sentence with its cure."""


class Broken(Exception):
    """What the restore failed at, in one sentence."""


async def restore(location: BackupLocation, backup: BackupFile, into: Scratch) -> None:
    """Raises `NotRestored`, `Broken`, `Missing`, and `OSError` when the file cannot be read."""
    try:
        if location.kind is BackupKind.PLAIN:
            command = [program(location, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", into.url]
            until = time.monotonic() + location.drill.within.total_seconds()
            lines = statements(backup.path, most_unpacked(location, backup), until)
            await run(as_nobody(command, location.memory), password=into.password, feed=lines)
        else:
            options = ["--no-owner", "--no-privileges", "--no-comments", "--exit-on-error", "-d", into.url]
            command = [location.pg_restore, *options]
            if location.kind is BackupKind.DIRECTORY:  # its files may be the worker's alone to read
                command = within([*command, str(backup.path)], location.memory)
                await run(command, password=into.password)
                return
            with real_file(backup.path) as archive:
                await run(as_nobody(command, location.memory), password=into.password, stdin=archive)
    except Failed as failed:
        said = str(failed)
        if "backslash commands are restricted" in said:
            raise NotRestored(_A_COMMAND) from None
        if "invalid command \\restrict" in said:
            raise NotRestored(
                f"psql of {location.name} is too old to refuse commands in a dump: install its newest minor"
            ) from None
        if "out of memory" in said.lower():
            cure = f"raise memory of {location.name}"
            raise NotRestored(f"it takes more than {in_bytes(location.memory)} to be read: {cure}") from None
        if any(words in said.lower() for words in _OURS):
            raise NotRestored(
                f"the scratch server could not take it: {said}; write one that can, such as one with the "
                f"same extensions, under drill.server of {location.name}"
            ) from None
        raise Broken(said) from None


def most_unpacked(location: BackupLocation, backup: BackupFile) -> int:
    """Bytes that a restored database may have, and the SQL of a plain dump: more would fill the disk of the
    scratch server."""
    return max(_LEAST_UNPACKED, round(_TEXT * location.drill.room * backup.size))


def statements(path: Path, most: int, until: float = math.inf) -> Iterator[bytes]:
    """The lines of a plain dump, in pieces, without owners, privileges and comments: they may be refused.

    A line may be of any length, and is passed on in pieces as well. What is compressed is read until the
    monotonic clock says `until`, also where nothing comes of it.

    psql is told first to run no command of its own, under a word that the dump cannot know: what looks like
    rows or text here may be a command to psql. A psql that is too old for it stops there.

    Raises `NotRestored` for a command of psql, which could run anything as the worker, for a dump of a
    whole cluster, and for one that unpacks to more than `most` bytes.
    """
    with real_file(path) as file:
        head = file.read(16)
    with real_file(path) as file, opened(timely(file, until), head) as content, _as_not_restored():
        piece = b"\\restrict " + secrets.token_hex(16).encode() + b"\n"
        rows = inside = dropped = False
        before = b""
        while line := content.readline(_PIECE):
            most -= len(line)
            if most < 0:
                raise NotRestored(_TOO_LARGE)
            if not inside:
                rows, kept = _kept(line, rows)
                dropped = not kept
            elif not dropped:
                kept = line
            inside = not line.endswith(b"\n")
            if _LETS_OUT in before + kept:
                raise NotRestored(_A_COMMAND)
            before = kept[-len(_LETS_OUT) :]
            piece += kept
            if len(piece) >= _PIECE:
                yield piece
                piece = b""
        yield piece


@contextlib.contextmanager
def _as_not_restored() -> Iterator[None]:
    try:
        yield
    except NeedsTooMuch as error:
        raise NotRestored(str(error)) from None
    except TooLate:
        raise NotRestored("the time was up: raise drill.within") from None


def _kept(line: bytes, rows: bool) -> tuple[bool, bytes]:
    """Whether rows follow, and what is kept of this line."""
    if rows:
        return line.rstrip(b"\r\n") != b"\\.", line
    if line.startswith(_CLUSTER):
        raise NotRestored(
            "it is a dump of a whole cluster by pg_dumpall: dump the database by itself to drill it"
        )
    if line.startswith(b"\\"):
        if line.startswith(_HARMLESS):
            return False, b""
        raise NotRestored(_A_COMMAND)
    if _is_left_out(line):
        return False, b""
    return line.startswith(b"COPY ") and b" FROM stdin;" in line, line


def _is_left_out(line: bytes) -> bool:
    """No pattern: on a long line that is made for it, one holds up the whole worker for minutes."""
    if not line.rstrip().endswith(b";"):
        return False
    return line.startswith(_LEFT_OUT) or (line.startswith(b"ALTER ") and b" OWNER TO " in line)
