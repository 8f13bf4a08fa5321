"""Plain dumps: SQL, compressed or not, read to their end in pieces."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from activities.backups.timely import TooLate, timely
from activities.backups.xz import NeedsTooMuch, XzContent
from activities.support.redaction import clean
from activities.support.regular_files import real_file

PIECE = 2**20
_HEAD = 4096
_TAIL = 4096
"""Bytes: after its last line a dump of recent versions has `\\unrestrict` and its token."""

_ENDS = {
    b"-- PostgreSQL database cluster dump": b"-- PostgreSQL database cluster dump complete",
    b"-- PostgreSQL database dump": b"-- PostgreSQL database dump complete",
}
"""How a dump begins, and how it then ends: in that of a cluster each database has an end of its own."""
_ROWS = re.compile(rb"^(?:COPY [^\n]{1,2000} FROM stdin;)", re.MULTILINE)
_SERVER = re.compile(rb"^-- Dumped from database version (\S{1,40})", re.MULTILINE)
_NO_DUMP = "it is no dump of PostgreSQL: it does not begin as pg_dump begins one"
"""What it is instead stays untold: anything may stand in the place of a backup."""
_ENCRYPTED = "it is encrypted, so it cannot be read here"
_ARCHIVE = (b"PGDMP", "it is an archive of pg_dump: write kind: custom")
_ARCHIVE_INSIDE = (
    _ARCHIVE[0],
    "it is an archive of pg_dump that was compressed once more: write kind: custom, and let the backup leave "
    "that out, for pg_dump compresses by itself",
)
_WRAPPED = (
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd, which cannot be read here: write gzip"),
    (b"\x04\x22\x4d\x18", "it is compressed by lz4, which cannot be read here: write gzip"),
    (b"PK\x03\x04", "it is a zip file, which is not read: write gzip"),
    (b"-----BEGIN PGP", _ENCRYPTED),
    (b"age-encryption.org", _ENCRYPTED),
    (b"Salted__", _ENCRYPTED),
    *((begin, _ENCRYPTED) for begin in (b"\x85\x01", b"\x85\x02", b"\x84\x5e", b"\x8c\x0d")),
)
_COMPRESSED = tuple(
    (begin, "it was compressed once more, and pg_restore cannot read that: pg_dump compresses by itself")
    for begin in (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
)


Readable = BinaryIO | gzip.GzipFile | bz2.BZ2File | io.BufferedReader


@dataclass(frozen=True)
class Told:
    """`damage`: what is wrong with it. `unread`: why nothing is known. `late`: the time was up."""

    damage: str = ""
    unread: str = ""
    late: bool = False
    tables: int = 0
    server: str = ""


_LATE = Told(unread="the time was up", late=True)


def read_plain(path: Path, until: float) -> Told:
    """Read it to its end, until the monotonic clock says `until`. Raises `OSError` if it cannot be opened."""
    with real_file(path) as file:
        head = file.read(_HEAD)
    if what := _other(head, _ARCHIVE, *_WRAPPED):
        return Told(unread=what)
    with real_file(path) as file:
        try:
            with opened(timely(file, until), head) as content:
                return _read(content, until)
        except NeedsTooMuch as error:
            return Told(unread=str(error))
        except TooLate:
            return _LATE
        except EOFError:
            return Told(damage="it is truncated: its compressed data end in the middle")
        except (OSError, zlib.error, lzma.LZMAError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's own trouble; that of gzip and bzip2 has no number
            return Told(damage=f"it is damaged: it cannot be uncompressed ({clean(str(error), 80)})")


def around_archive(path: Path) -> str:
    """Why pg_restore cannot read this file although the archive in it may be well; empty for any other.

    Raises `OSError` if it cannot be opened.
    """
    with real_file(path) as file:
        return _other(file.read(_HEAD), *_WRAPPED, *_COMPRESSED)


def _other(head: bytes, *kinds: tuple[bytes, str]) -> str:
    return next((what for begin, what in kinds if head.startswith(begin)), "")


def opened(file: BinaryIO, head: bytes) -> Readable:
    """What is in it, uncompressed. `head` is how the file begins."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ\x00"):
        return io.BufferedReader(XzContent(file))
    return file


def _read(content: Readable, until: float) -> Told:
    head, before, tables = b"", b"", 0
    while piece := content.read(PIECE):
        if time.monotonic() > until:
            return _LATE
        if not head:
            head = piece[:_HEAD]
            if what := _other(head, _ARCHIVE_INSIDE):
                return Told(unread=what)
            end = next((end for begin, end in _ENDS.items() if begin in head), b"")
            if not end:
                return Told(damage=_NO_DUMP)
        # A line that two pieces share is counted with the second of them.
        whole, _, rest = (before + piece).rpartition(b"\n")
        tables += len(_ROWS.findall(whole))
        before = rest[-PIECE:] if rest else b""
        tail = (whole[-_TAIL:] + b"\n" + rest)[-_TAIL:]
    if not head:
        return Told(damage="it holds nothing: what was to be dumped never came")
    if end not in tail:
        return Told(
            damage="it is truncated: its last line, by which pg_dump tells that it is complete, is missing"
        )
    server = _SERVER.search(head)
    return Told(tables=tables, server=server[1].decode("ascii", errors="replace") if server else "")
