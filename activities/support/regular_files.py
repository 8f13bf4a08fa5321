"""Opens directories and files on behalf of a plan, so that nobody can put another file in their place.

A name is opened first and looked at afterwards, through its descriptor: what was looked at is what is read.
A FIFO or a device never makes the worker wait.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_READABLE_BY_GROUP = 0o750


class NotRegular(OSError):
    """What has this name is a directory, a FIFO, a socket or a device."""


def identity_of(status: os.stat_result) -> str:
    """Which file it is, and that nobody wrote to it: device, inode, size and time of the last change."""
    return f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def place_of(status: os.stat_result) -> str:
    """Which directory it is: device and inode. Its size and its time change with every file in it."""
    return f"{status.st_dev}-{status.st_ino}"


@contextmanager
def directory(path: Path) -> Iterator[int]:
    """A descriptor of the directory, reached without any symbolic link. Raises `OSError`."""
    descriptor = os.open("/", _DIRECTORY | os.O_PATH)
    try:
        for part in path.absolute().parts[1:]:
            try:
                below = os.open(part, _DIRECTORY | os.O_PATH, dir_fd=descriptor)
            except NotADirectoryError:
                raise _link_or(errno.ENOTDIR, part, descriptor, path) from None
            os.close(descriptor)
            descriptor = below
        listed = os.open(".", _DIRECTORY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = listed
        yield descriptor
    finally:
        os.close(descriptor)


def file_in(parent: int, name: str) -> BinaryIO:
    """The regular file of this name in an open directory, no link. Raises `OSError`."""
    try:
        return _regular(os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=parent), name)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", name) from None
        raise


def file_at(path: Path) -> BinaryIO:
    """The regular file to which the configuration, or a link that it names, leads. Raises `OSError`."""
    return _regular(os.open(path, _FILE), str(path))


def real_file(path: Path) -> BinaryIO:
    """The regular file at a path without any symbolic link in it. Raises `OSError`."""
    with directory(path.parent) as parent:
        return file_in(parent, path.name)


def private_directory(path: Path) -> None:
    """Create it where it is missing, closed to everybody but the worker and its group. Raises `OSError`."""
    if not path.is_dir():
        private_directory(path.parent)
        path.mkdir(mode=_READABLE_BY_GROUP, exist_ok=True)


def _regular(handle: int, name: str) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotRegular(errno.EINVAL, "it is not a regular file", name)
    return os.fdopen(handle, "rb")


def _link_or(number: int, part: str, parent: int, path: Path) -> OSError:
    status = os.stat(part, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return OSError(errno.ELOOP, f"{part} in its path is a symbolic link", str(path))
    return OSError(number, os.strerror(number), str(path))
