"""Reads xz in bounded memory: its writer chooses how much a reader needs, up to 4 GiB."""

from __future__ import annotations

import io
import lzma
from typing import BinaryIO

from models.base import in_bytes

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

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """As `RawIOBase`: 0 at the end."""
        while True:
            fed = b""
            if self._stream is None or self._stream.eof:
                unused = self._stream.unused_data if self._stream else b""
                fed = (unused or self._file.read(_READ)).lstrip(b"\0")  # padding between streams
                if not fed and not unused:
                    return 0
                if not fed:
                    self._stream = None
                    continue
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)
            elif self._stream.needs_input and not (fed := self._file.read(_READ)):
                raise EOFError("the stream ends in the middle")
            if found := self._uncompressed(self._stream, fed, len(buffer)):
                buffer[: len(found)] = found
                return len(found)

    @staticmethod
    def _uncompressed(stream: lzma.LZMADecompressor, fed: bytes, most: int) -> bytes:
        try:
            return stream.decompress(fed, most)
        except lzma.LZMAError as error:
            if "memory usage limit" in str(error).lower():
                raise NeedsTooMuch from None
            raise
