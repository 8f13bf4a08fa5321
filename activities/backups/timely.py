"""Ends the reading of a file in time, also where nothing comes of what is read.

What uncompresses may read for long before it has a first byte to give: a name without end in the header of
gzip, or streams by the million that hold nothing.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class TooLate(Exception):
    """The time was up."""


class _Timely(io.RawIOBase):
    def __init__(self, file: BinaryIO, until: float) -> None:
        super().__init__()
        self._file, self._until = file, until

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer) -> int:
        if time.monotonic() > self._until:
            raise TooLate
        into = memoryview(buffer)
        found = self._file.read(len(into))
        into[: len(found)] = found
        return len(found)


def timely(file: BinaryIO, until: float) -> BinaryIO:
    """The same file. Reading it raises `TooLate` when the monotonic clock is past `until`."""
    return io.BufferedReader(_Timely(file, until))
