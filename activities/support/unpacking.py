"""The body of an HTTP answer, unpacked within a bound: `identity` is asked for, and not always sent."""

from __future__ import annotations

import zlib
from collections.abc import Callable

Unpack = Callable[[bytes, int], bytes]
"""Unpacks one chunk to at most so many bytes, however many it holds. Raises `zlib.error`."""

_UNPACKED = frozenset({"gzip", "x-gzip", "deflate"})
_REFUSED = frozenset({"br", "zstd", "compress", "x-compress"})
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


def unpacking(encoding: str) -> Unpack:
    """How to unpack what has this `Content-Encoding`. Raises `zlib.error` where that cannot be done.

    Other words than codings are passed over: some servers write `utf-8` there, and pack nothing.
    """
    words = [word.strip().lower() for word in encoding.split(",")]
    codings = [word for word in words if word in _UNPACKED | _REFUSED]
    match codings:
        case []:
            return lambda chunk, most: chunk[:most]
        case ["deflate"]:
            return _Deflate()
        case [one] if one in _UNPACKED:
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress
    raise zlib.error(f"not unpacked: {', '.join(codings)}")


class _Deflate:
    """`deflate` is zlib's format, and many servers leave out its header. The first two bytes tell."""

    def __init__(self) -> None:
        self._begins = b""
        self._unpack: Unpack | None = None

    def __call__(self, chunk: bytes, most: int) -> bytes:
        if self._unpack is None:
            chunk = self._begins = self._begins + chunk
            if len(chunk) < 2:
                return b""
            bits = _GZIP_OR_ZLIB if _has_header(chunk) else -zlib.MAX_WBITS
            self._unpack = zlib.decompressobj(bits).decompress
        return self._unpack(chunk, most)


def _has_header(packed: bytes) -> bool:
    gzip = packed.startswith(b"\x1f\x8b")
    return gzip or (packed[0] & 0x0F == zlib.DEFLATED and int.from_bytes(packed[:2], "big") % 31 == 0)
