"""Reads one backup to its end: what is in it, or what is wrong with it.

Nothing is restored, and nothing of the contents is kept. The list of an archive stands at its beginning, so
`pg_restore --list` reads one whose end is missing; it is written to nowhere as well, to see its end.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO

from activities.backups.archives import Listed, listed_in, said_by
from activities.backups.enclosed import leads_out
from activities.backups.files import BackupFile
from activities.backups.plain import around_archive, read_plain
from activities.support.redaction import clean
from models.base import in_bytes, in_words
from models.configuration.backups import BackupKind, BackupLocation

LIST_WITHIN = timedelta(minutes=1)
LIST_LIMIT = 16 * 2**20
"""Bytes of the list that are read: some 200,000 entries."""
_SAID = 4096
_PAUSE = 0.05


class NotRead(Exception):
    """Nothing is known of the backup, in one sentence with its cure."""


class Damaged(Exception):
    """What is wrong with the backup, in one sentence."""


@dataclass(frozen=True)
class Contents:
    """What a readable backup has, as it tells itself."""

    tables: int
    database: str = ""
    server: str = ""
    """The version of PostgreSQL that it was made of."""
    made_at: datetime | None = None
    """By the clock of the machine that made it, whose zone is not told."""
    extensions: tuple[str, ...] = ()
    """Of an archive."""


def read(location: BackupLocation, backup: BackupFile) -> Contents:
    """Read it to its end. Raises `NotRead` and `Damaged`, and `OSError` when the file cannot be opened."""
    until = time.monotonic() + location.read_within.total_seconds()
    if location.kind is BackupKind.PLAIN:
        told = read_plain(backup.path, until)
        if told.unread:
            raise NotRead(_too_slow(location) if told.late else told.unread)
        if told.damage:
            raise Damaged(told.damage)
        return Contents(told.tables, server=told.server)
    if location.kind is BackupKind.CUSTOM and (why := around_archive(backup.path)):
        raise NotRead(why)
    if location.kind is BackupKind.DIRECTORY and (why := leads_out(backup.path)):
        raise Damaged(f"it is no backup to be read: {why}")
    found = _list(location, backup)
    _read_to_the_end(location, backup, until)
    return Contents(found.tables, found.database, found.server, found.made_at, found.extensions)


def _list(location: BackupLocation, backup: BackupFile) -> Listed:
    within = min(LIST_WITHIN, location.read_within)
    with tempfile.TemporaryFile() as out:
        said = _run(location, ["--list", str(backup.path)], time.monotonic() + within.total_seconds(), out)
        if said:
            _judge(location, said)
        out.seek(0)
        text = out.read(LIST_LIMIT).decode("utf-8", errors="replace")
    found = listed_in(text)
    if not found.entries:
        raise Damaged("its list is empty: it holds nothing")
    return found


def _read_to_the_end(location: BackupLocation, backup: BackupFile, until: float) -> None:
    said = _run(location, ["--file=/dev/null", str(backup.path)], until, None)
    if said:
        _judge(location, said)


def _judge(location: BackupLocation, said: str) -> None:
    damage, cure = said_by(said, location.pg_restore)
    raise Damaged(damage) if damage else NotRead(cure)


def _run(location: BackupLocation, arguments: list[str], until: float, out: IO[bytes] | None) -> str:
    """What `pg_restore` complained of; empty when it ended well. Bounded in time, memory and output."""
    command = [location.pg_restore, *arguments]
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out if out is not None else subprocess.DEVNULL,
                stderr=errors,
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"},
            )
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise NotRead(
                f"{location.pg_restore} cannot be run ({why}): install the client programs of PostgreSQL, "
                "or write its path under pg_restore"
            ) from None
        try:
            _limit(process.pid, location)
            code = _wait(process, until, errors, out)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        if code is None:
            raise NotRead(_too_slow(location))
        errors.seek(0)
        said = clean(" ".join(errors.read(_SAID).decode("utf-8", errors="replace").split()), 300)
    if code < 0:
        raise NotRead(f"pg_restore was killed by signal {-code}{_perhaps_memory(location, said)}")
    return (said or f"pg_restore ended with code {code}") if code else ""


def _limit(pid: int, location: BackupLocation) -> None:
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_AS, (location.memory, location.memory))


def _wait(process: subprocess.Popen[bytes], until: float, *files: IO[bytes] | None) -> int | None:
    """Its exit status; None when it took too long. One that writes without end is too large."""
    while (code := process.poll()) is None:
        if time.monotonic() > until:
            return None
        if any(file is not None and file.seek(0, 2) > 4 * LIST_LIMIT for file in files):
            raise NotRead("its list is larger than can be read here")
        time.sleep(_PAUSE)  # between two looks of a bounded wait
    return code


def _too_slow(location: BackupLocation) -> str:
    within = in_words(location.read_within)
    return f"it could not be read to its end within {within}: raise read_within of {location.name}"


def _perhaps_memory(location: BackupLocation, said: str) -> str:
    limit = f"; it may take {in_bytes(location.memory)}: raise memory of {location.name}"
    return f"{': ' + said if said else ''}{limit}"


def age_of(backup: BackupFile, contents: Contents | None, now: datetime) -> timedelta:
    """How old its contents are. A copy gets the time of the copy; an archive tells when it was made.

    That time is told without its zone, so it counts only when it is more than a day before the file's.
    """
    made_at = contents.made_at if contents else None
    if made_at is not None and backup.modified - made_at > timedelta(days=1):
        return now.astimezone(UTC) - made_at
    return now - backup.modified
