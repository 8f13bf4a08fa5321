"""Reads xz in bounded memory: its writer chooses how much a reader needs, up to 4 GiB."""

from __future__ import annotations

import io
import lzma
from typing import TYPE_CHECKING, BinaryIO

from models.base import in_bytes

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_MEMORY = 128 * 2**20
"""Bytes; `xz -9` needs 65 MiB."""
_READ = 64 * 2**10


class NeedsTooMuch(Exception):
    """More memory than is given, in words."""

    def __init__(self) -> None:
        super().__init__(f"it takes more than {in_bytes(MOST_MEMORY)} to uncompress: write it by xz -9")


class XzContent(io.RawIOBase):
    """What is in a file of one stream or more.

    Raises NeedsTooMuch, LZMAError and, where it is cut, EOFError.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._stream: lzma.LZMADecompressor | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As `RawIOBase`: 0 at the end."""
        into = memoryview(buffer)
        while True:
            fed = b""
            if self._stream is None or self._stream.eof:
                if not (fed := self._next_stream()):
                    return 0
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)
            elif self._stream.needs_input and not (fed := self._file.read(_READ)):
                raise EOFError("the stream ends in the middle")
            if found := self._uncompressed(self._stream, fed, len(into)):
                into[: len(found)] = found
                return len(found)

    def _next_stream(self) -> bytes:
        """How the next stream begins, past the zeros between two of them; empty at the end of the file."""
        fed = self._stream.unused_data if self._stream else b""
        while not (fed := fed.lstrip(b"\0")):
            if not (fed := self._file.read(_READ)):
                break
        return fed

    @staticmethod
    def _uncompressed(stream: lzma.LZMADecompressor, fed: bytes, most: int) -> bytes:
        try:
            return stream.decompress(fed, most)
        except lzma.LZMAError as error:
            if "memory usage limit" in str(error).lower():
                raise NeedsTooMuch from None
            raise
