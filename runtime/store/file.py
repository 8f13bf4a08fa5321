"""The file of a store: of its own user, closed to others, and no link.

It is looked at by its name: to open and close it beside SQLite would let go of the locks that SQLite holds.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from activities.support.regular_files import place_of
from activities.support.whole_files import write_once

PRIVATE = 0o640
"""The intake may be another user of the worker's group, and reads it for the history."""


def make_private(path: Path) -> None:
    """Create it where it is missing, and close it to others whatever the umask. Raises OSError."""
    if not os.path.lexists(path):
        write_once(path, "", PRIVATE)  # another process may be faster
    found = own_file(path)
    if found.st_uid != os.geteuid():
        raise PermissionError(
            f"it belongs to {_user(found.st_uid)}, and {_user(os.geteuid())} is to write it: give it to that "
            "user, or name another file in store.file"
        )
    if found.st_mode & 0o777 & ~PRIVATE:
        path.chmod(stat.S_IMODE(found.st_mode) & PRIVATE)


def own_file(path: Path, as_before: os.stat_result | None = None) -> os.stat_result:
    """What has this name, where it is a file of who runs this, or of whom its directory belongs to; the same
    one as before. Raises OSError.
    """
    found = path.lstat()
    if as_before is not None and place_of(found) != place_of(as_before):
        raise OSError("another file was put in its place just now")
    if stat.S_ISLNK(found.st_mode):
        raise OSError("it is a symbolic link: name the file itself in store.file")
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a regular file")
    if found.st_uid not in (os.geteuid(), path.parent.stat().st_uid):
        raise PermissionError(
            f"it belongs to {_user(found.st_uid)}, to whom its directory does not belong: "
            "the user who put it there may change it"
        )
    return found


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
