"""Whether a directory dump is made of its own files alone: pg_restore opens whatever its list names."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

from activities.backups.files import MOST_FILES, TABLE_OF_CONTENTS
from activities.support.redaction import clean
from activities.support.regular_files import real_file

_LARGEST_LIST = 2**28
_HEAD = re.compile(rb"PGDMP.{3}\x04", re.DOTALL)
"""Numbers have four bytes, so that the last one of a length is 0."""
_LEADS_OUT = re.compile(rb"\0[./]*\.\./")
"""A text of the list, behind its length, that is the name of a file elsewhere."""


def leads_out(dump: Path) -> str:
    """What in it could make pg_restore read another file, in one sentence; empty where nothing does.

    Raises `OSError` if it cannot be read.
    """
    with os.scandir(dump) as entries:
        for one in islice(entries, MOST_FILES):
            if not one.is_file(follow_symlinks=False):
                return f"{clean(one.name, 80)} in it is no plain file, as all that pg_dump writes are"
    with real_file(dump / TABLE_OF_CONTENTS) as file:
        listed = file.read(_LARGEST_LIST + 1)
    if len(listed) > _LARGEST_LIST or not _HEAD.match(listed):
        return "its list is none that pg_dump writes here"
    return "its list names a file outside of it" if _LEADS_OUT.search(listed) else ""
