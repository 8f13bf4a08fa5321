"""Finds the files of one directory that may be deleted, and the files that processes have open.

The directory is opened once, and everything is done through that descriptor without following links, so
that a directory replaced meanwhile is not touched.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

import psutil

from activities.support import regular_files
from activities.support.redaction import clean
from models.base import in_words
from models.service.surroundings import CleanUp

LOOKS_WITHIN = 5.0
"""Seconds for listing the open files of all processes."""

_MOST_ENTRIES = 100_000

Identity = tuple[int, int]
"""Device and inode: the same file, under whatever name a process or a container knows it."""


class MustStay(Exception):
    """Why a file is not deleted, in a few words."""


@dataclass(frozen=True)
class OpenFiles:
    """What is open in the processes that this worker sees; `complete` if it was allowed to see all."""

    files: frozenset[Identity]
    complete: bool


@dataclass(frozen=True)
class Found:
    """A regular file whose name matches. `modified` in seconds since 1970."""

    name: str
    size: int
    modified: float
    identity: Identity
    bound: str = ""
    """What a plan says of it: see `identity_of`."""


@dataclass(frozen=True)
class Directory:
    """The configured directory, open."""

    descriptor: int
    path: Path
    pattern: str
    older_than: timedelta

    def matching(self) -> list[Found]:
        """The regular files that match, newest first."""
        with os.scandir(self.descriptor) as entries:
            names = [entry.name for entry in islice(entries, _MOST_ENTRIES)]
        found = [one for name in names if (one := self._look(name))]
        return sorted(found, key=lambda one: one.modified, reverse=True)

    def old(self, now: datetime) -> list[Found]:
        """Those that are old enough, oldest first, without the newest, which is still being written."""
        return [one for one in reversed(self.matching()[1:]) if self._is_old(one, now)]

    @property
    def place(self) -> str:
        """What a plan says of the directory: see `place_of`."""
        return regular_files.place_of(os.fstat(self.descriptor))

    def delete(
        self, path: str, planned: str, newest: Found | None, opened: OpenFiles, now: datetime
    ) -> Found:
        """Delete one file of this directory, if it is still the planned one.

        Raises `MustStay`, or `FileNotFoundError` if it is gone.
        """
        file = Path(path)
        if file.parent != self.path or file.name in ("", ".."):
            raise MustStay(f"it is not in {self.path}")
        os.stat(file.name, dir_fd=self.descriptor, follow_symlinks=False)
        found = self._look(file.name)
        if found is None:
            raise MustStay(f"it is not a regular file that matches {self.pattern}")
        if not self._is_old(found, now):
            raise MustStay(f"it was written to within the last {in_words(self.older_than)}")
        if found.bound != planned:
            raise MustStay("it is not the file any more that was planned")
        if newest is None or found.identity == newest.identity:
            raise MustStay("it is the newest")
        if found.identity in opened.files:
            raise MustStay("a process has it open")
        os.unlink(file.name, dir_fd=self.descriptor)
        return found

    def _look(self, name: str) -> Found | None:
        if not fnmatchcase(name, self.pattern) or not name.isprintable():
            return None
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        bound = regular_files.identity_of(status)
        return Found(name, status.st_size, status.st_mtime, (status.st_dev, status.st_ino), bound)

    def _is_old(self, found: Found, now: datetime) -> bool:
        return found.modified < (now - self.older_than).timestamp()


@contextmanager
def opened(configured: CleanUp) -> Iterator[Directory]:
    """The configured directory for the length of the block. Raises `OSError`, for a link in its path too."""
    path = Path(configured.directory).absolute()
    with regular_files.directory(path) as descriptor:
        yield Directory(descriptor, path, configured.pattern, configured.older_than)


def open_files() -> OpenFiles:
    """What the processes of this machine have open, as far as this worker may see.

    psutil names open files by their path, which for a container's process is another one than here;
    the identity behind the descriptor is the same everywhere.
    """
    until = time.monotonic() + LOOKS_WITHIN
    files: set[Identity] = set()
    complete = Path(psutil.PROCFS_PATH, "self", "fd").exists()
    for pid in psutil.pids():
        if time.monotonic() > until:
            return OpenFiles(frozenset(files), complete=False)
        try:
            files |= set(_open_in(Path(psutil.PROCFS_PATH, str(pid), "fd")))
        except PermissionError:
            complete = False
        except OSError:
            continue  # it ended meanwhile
    return OpenFiles(frozenset(files), complete)


def unreadable(configured: CleanUp, error: OSError) -> str:
    """One sentence about a directory that cannot be used."""
    why = error.strerror or type(error).__name__
    return f"cannot look into {clean(configured.directory, 200)}: {why}"


def _open_in(descriptors: Path) -> Iterator[Identity]:
    for name in os.listdir(descriptors):  # noqa: PTH208
        try:
            status = os.stat(descriptors / name)  # noqa: PTH116
        except OSError:
            continue  # closed meanwhile, or on a file system that went away
        if stat.S_ISREG(status.st_mode):
            yield status.st_dev, status.st_ino
