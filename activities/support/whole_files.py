"""Writes a file atomically: readers never see a part of it, even after a kill or a power cut."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str, like: os.stat_result | None = None) -> None:
    """Put `text` at `path`; on the disk, with its name in the directory, once this returns.

    The file has the mode and the owner of `like`, or may be read by everybody. Raises `OSError`; what
    stood there before is then untouched.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            _dress(handle, like)
            file.write(text)
            file.flush()
            os.fsync(handle)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _dress(handle: int, like: os.stat_result | None) -> None:
    if like is not None:
        own = os.fstat(handle)
        if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
            os.fchown(handle, like.st_uid, like.st_gid)
    os.fchmod(handle, stat.S_IMODE(like.st_mode) if like is not None else 0o644)
