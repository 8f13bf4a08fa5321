"""Reads and atomically replaces a service's env file, and writes its backup beside it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from activities.support.regular_files import NotRegular, directory, file_in
from activities.support.whole_files import write_in

MOST_BYTES = 2**20


class FileTrouble(Exception):
    """The file cannot be read or written; one sentence with the cure, nothing of its content."""


@dataclass(frozen=True)
class EnvFile:
    """One env file as it was read."""

    path: Path
    text: str
    status: os.stat_result

    @property
    def written_at(self) -> datetime:
        return datetime.fromtimestamp(self.status.st_mtime, UTC)

    def backup(self, asked_at: datetime) -> Path:
        """The path of the backup, named by the time at which the action was requested."""
        stamp = f"{asked_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
        return self.path.with_name(f"{self.path.name}.{stamp}.bak")


def read(name: str) -> EnvFile:
    """Read a small text file, which the configuration names without any link. Raises `FileTrouble`."""
    path = Path(name).absolute()
    try:
        with directory(path.parent) as parent, file_in(parent, path.name) as file:
            status = os.fstat(file.fileno())
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _trouble("read", path, error) from error
    except ValueError:  # a name that no file can have
        raise FileTrouble(f"{path} is not a valid path: correct env_file in the configuration") from None
    if len(content) > MOST_BYTES:
        raise FileTrouble(f"{path} is larger than an env file can be")
    try:
        return EnvFile(path, content.decode("utf-8"), status)
    except UnicodeDecodeError:
        raise FileTrouble(f"{path} is not text in UTF-8") from None


def keep(file: EnvFile, backup: Path) -> None:
    """Write the text that was read into the backup. Raises `FileTrouble`."""
    _put(file, backup, file.text)


def replace(file: EnvFile, text: str) -> EnvFile:
    """Put the text in the place of the file that was read. Raises `FileTrouble` if it changed since."""
    now = read(str(file.path))
    if now.text != file.text or now.status.st_ino != file.status.st_ino:
        raise FileTrouble(f"{file.path} was changed by somebody else at the same time: plan again")
    _put(file, file.path, text)
    return read(str(file.path))


def _put(like: EnvFile, path: Path, text: str) -> None:
    """Write a file with the mode and the owner of `like`."""
    try:
        with directory(path.parent) as parent:
            write_in(parent, path.name, text, like=like.status)
    except OSError as error:
        raise _trouble("write", path, error) from error


def _trouble(what: str, path: Path, error: OSError) -> FileTrouble:
    why = error.strerror or type(error).__name__
    cure = {
        FileNotFoundError: "create it, or correct env_file in the configuration",
        PermissionError: "let the worker own it, or run the worker as its owner",
    }.get(type(error), "look at the file and its directory")
    if error.errno == errno.ELOOP:
        cure = "write the path of the file itself as env_file in the configuration, without links"
    if isinstance(error, NotRegular):
        cure = "an env file is a regular file: correct env_file in the configuration"
    return FileTrouble(f"cannot {what} {path} ({why}): {cure}")
