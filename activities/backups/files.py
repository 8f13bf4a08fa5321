"""The backups of one location, as the file system tells of them: nothing is read but a directory dump's list.

The restore drill takes `newest_complete`. A link is followed within the location's directory, for
`latest.dump` is a common one; the same file under two names counts once. Where one leads out of it nothing is
read: the worker may read more than those who write backups.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from activities.support.redaction import clean
from models.configuration.backups import BackupKind, BackupLocation

MOST_ENTRIES = 20_000
MOST_FILES = 200_000
"""Of a directory dump: one for each table, and some for large objects."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""A file that is newer than now by more has a wrong time; one by less comes from another machine."""
TABLE_OF_CONTENTS = "toc.dat"
_UNFINISHED = (
    *(".part", ".partial", ".filepart", ".tmp", ".temp", ".incomplete"),
    *(".inprogress", ".in_progress", ".in-progress"),
)
_BESIDE = (".md5", ".sha1", ".sha256", ".sha512", ".sig")
"""Written after a backup, to prove it: newer than it, and none itself."""
_NEITHER = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


class FileState(StrEnum):
    """What the file system says of one backup, before anybody reads it."""

    COMPLETE = "complete"
    WRITING = "still being written"
    EMPTY = "empty"
    NO_CONTENTS = "without its table of contents"
    """A directory dump whose `toc.dat`, which is written last, is not there."""
    DANGLING = "a link to nothing"
    UNREADABLE = "not readable"
    OTHER = "of another kind"


@dataclass(frozen=True)
class BackupFile:
    """One backup. Its size is in bytes, that of a directory dump the sum of its files."""

    path: Path
    state: FileState
    size: int = 0
    modified: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    identity: tuple[int, int] = (0, 0)
    why: str = ""

    @property
    def complete(self) -> bool:
        return self.state is FileState.COMPLETE

    def ahead_of(self, now: datetime) -> timedelta:
        """How far its time lies in the future; 0 where the clocks agree."""
        ahead = self.modified - now
        return ahead if ahead > CLOCKS_DIFFER else timedelta()


def backups_of(location: BackupLocation, now: datetime) -> list[BackupFile]:
    """What matches in the directory, the newest first. Raises `OSError` when it cannot be listed."""
    directory = Path(location.directory)
    with os.scandir(directory) as entries:
        listed = (entry.name for entry in entries if not entry.name.lower().endswith(_BESIDE))
        matching = (name for name in listed if fnmatchcase(name, location.pattern))
        names = sorted(islice(matching, MOST_ENTRIES))
    found: dict[object, BackupFile] = {}
    for name in names:
        one = _look(directory / name, location, now)
        if one is not None:
            found.setdefault(one.identity if one.identity != (0, 0) else one.path, one)
    return sorted(found.values(), key=lambda one: one.modified, reverse=True)


def newest_complete(backups: Sequence[BackupFile]) -> BackupFile | None:
    """The newest one that is whole as far as the file system can tell; None without any."""
    return next((one for one in backups if one.complete), None)


def _look(path: Path, location: BackupLocation, now: datetime) -> BackupFile | None:
    try:
        status = path.stat()
    except OSError as error:
        return _not_followed(path, error)
    identity, wanted = (status.st_dev, status.st_ino), location.kind is BackupKind.DIRECTORY
    real = path.resolve()
    if why := _unlike(status.st_mode, wanted) or _outside(real, location):
        return BackupFile(path, FileState.OTHER, identity=identity, why=why)
    if wanted:
        return _directory(real, identity, location, now)
    return _file(real, status, location, now)


def _not_followed(path: Path, error: OSError) -> BackupFile | None:
    """A link that leads to no backup, or what may not be seen; None when it was deleted meanwhile."""
    if not isinstance(error, FileNotFoundError) and error.errno != errno.ELOOP:
        return BackupFile(path, FileState.UNREADABLE, why=error.strerror or type(error).__name__)
    try:
        to, modified = clean(str(path.readlink()), 120), _at(path.lstat().st_mtime)
    except OSError:
        return None
    in_circle = "which leads back to it: remove it, or link it to the newest backup"
    why = in_circle if error.errno == errno.ELOOP else "which is not there"
    return BackupFile(path, FileState.DANGLING, modified=modified, why=f"a link to {to}, {why}")


def _unlike(mode: int, directory_wanted: bool) -> str:
    """What it is instead of the wanted kind, with the cure; empty for what may be of that kind."""
    if what := next((name for is_one, name in _NEITHER if is_one(mode)), ""):
        return f"{what}, which holds no backup: write the backup into a file, or correct the pattern"
    if directory_wanted:
        return "" if stat.S_ISDIR(mode) else "no directory: write kind: custom or plain"
    return "" if stat.S_ISREG(mode) else "no file: write kind: directory"


def _outside(real: Path, location: BackupLocation) -> str:
    if real.is_relative_to(Path(location.directory).resolve()):
        return ""
    return f"a link out of {clean(location.directory, 120)}: write the directory to which it leads"


def _file(path: Path, status: os.stat_result, location: BackupLocation, now: datetime) -> BackupFile:
    modified, state = _at(status.st_mtime), FileState.COMPLETE
    if path.name.lower().endswith(_UNFINISHED) or _is_fresh(modified, location, now):
        state = FileState.WRITING
    elif status.st_size == 0:
        state = FileState.EMPTY
    return BackupFile(path, state, status.st_size, modified, (status.st_dev, status.st_ino))


def _directory(
    path: Path, identity: tuple[int, int], location: BackupLocation, now: datetime
) -> BackupFile | None:
    """A directory dump: as new as the newest of its files."""
    try:
        with os.scandir(path) as entries:
            states = {one.name: one.stat() for one in islice(entries, MOST_FILES) if one.is_file()}
    except FileNotFoundError:
        return None
    except OSError as error:
        why = error.strerror or type(error).__name__
        return BackupFile(path, FileState.UNREADABLE, identity=identity, why=why)
    newest = max((one.st_mtime for one in states.values()), default=path.stat().st_mtime)
    modified, size = _at(newest), sum(one.st_size for one in states.values())
    if path.name.lower().endswith(_UNFINISHED) or _is_fresh(modified, location, now):
        state = FileState.WRITING
    elif not states:
        state = FileState.EMPTY
    else:
        state = FileState.COMPLETE if TABLE_OF_CONTENTS in states else FileState.NO_CONTENTS
    return BackupFile(path, state, size, modified, identity)


def _is_fresh(modified: datetime, location: BackupLocation, now: datetime) -> bool:
    return abs(now - modified) < location.settle


def _at(seconds: float) -> datetime:
    """A time of the file system, whatever it says: one beyond the calendar is the last day of it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(9998, 1, 1, tzinfo=UTC) if seconds > 0 else datetime(1970, 1, 1, tzinfo=UTC)
