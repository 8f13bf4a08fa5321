"""Writes a file atomically: readers never see a part of it, even after a kill or a power cut."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

PRIVATE = 0o640
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_whole(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Put `text` at `path`; on the disk, with its name in the directory, once this returns.

    The file has this mode whatever the umask. Raises `OSError`; what stood there before is then untouched.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        write_in(directory, path.name, text, mode)
    finally:
        os.close(directory)


def write_once(path: Path, text: str, mode: int = PRIVATE) -> bool:
    """The same, unless something stands there already; whether it was written. Raises `OSError`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_whole(draft, text, mode)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def write_in(
    directory: int, name: str, text: str, mode: int = PRIVATE, like: os.stat_result | None = None
) -> None:
    """The same in an open directory. With `like`, the file has the mode and the owner of that one."""
    part = f".{secrets.token_hex(8)}.part"
    handle = os.open(part, _NEW, 0o600, dir_fd=directory)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            _dress(handle, mode, like)
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.replace(part, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.unlink(part, dir_fd=directory)
        raise
    os.fsync(directory)


def _dress(handle: int, mode: int, like: os.stat_result | None) -> None:
    if like is not None:
        own = os.fstat(handle)
        if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
            os.fchown(handle, like.st_uid, like.st_gid)
    os.fchmod(handle, stat.S_IMODE(like.st_mode) if like is not None else mode)
