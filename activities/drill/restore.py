"""Restores one backup into an empty database, with what is in the backup as its only privilege."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from activities.backups.files import BackupFile
from activities.backups.plain import opened
from activities.drill.programs import Failed, program, run
from activities.drill.scratch import Scratch
from activities.support.regular_files import file_at
from models.configuration.backups import BackupKind, BackupLocation

_PIECE = 2**20
_CLUSTER = b"-- PostgreSQL database cluster dump"
_ROWS = re.compile(rb"COPY .* FROM stdin;")
_HARMLESS = (b"\\restrict ", b"\\unrestrict ")
_LEFT_OUT = re.compile(
    rb"(ALTER .* OWNER TO .*;|GRANT .*;|REVOKE .*;|ALTER DEFAULT PRIVILEGES .*;|COMMENT ON .*;)\s*$"
)
_A_COMMAND = "it has a command of psql outside its rows, which is not run: restore it by hand"
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
            await run(command, password=into.password, feed=statements(backup.path))
        else:
            options = ["--no-owner", "--no-privileges", "--no-comments", "--exit-on-error", "-d", into.url]
            await run([location.pg_restore, *options, str(backup.path)], password=into.password)
    except Failed as failed:
        said = str(failed)
        if "backslash commands are restricted" in said:
            raise NotRestored(_A_COMMAND) from None
        if "invalid command \\restrict" in said:
            raise NotRestored(
                f"psql of {location.name} is too old to refuse commands in a dump: install its newest minor"
            ) from None
        if any(words in said.lower() for words in _OURS):
            raise NotRestored(
                f"the scratch server could not take it: {said}; write one that can, such as one with the "
                f"same extensions, under drill.server of {location.name}"
            ) from None
        raise Broken(said) from None


def statements(path: Path) -> Iterator[bytes]:
    """The lines of a plain dump, in pieces, without owners, privileges and comments: they may be refused.

    psql is told first to run no command of its own, under a word that the dump cannot know: what looks like
    rows or text here may be a command to psql. A psql that is too old for it stops there.

    Raises `NotRestored` for a command of psql, which could run anything as the worker, and for a dump of a
    whole cluster.
    """
    with file_at(path) as file:
        head = file.read(16)
    with file_at(path) as file:
        piece, rows = b"\\restrict " + secrets.token_hex(16).encode() + b"\n", False
        for line in opened(file, head):
            rows, kept = _kept(line, rows)
            piece += kept
            if len(piece) >= _PIECE:
                yield piece
                piece = b""
        yield piece


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
    if _LEFT_OUT.match(line):
        return False, b""
    return bool(_ROWS.match(line)), line
