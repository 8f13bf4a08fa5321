"""The disk under Temporal, where it runs on this machine and keeps its data in files that can be seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from models.base import in_bytes
from models.examined import Check, Kind

_HERE = ("localhost", "127.0.0.1", "::1", "[::1]")
_DATA = (".db", ".sqlite", ".sqlite3", ".db-wal")
SCARCE, LOW = 0.05, 0.15
"""Free shares of the disk."""
LEAST = 2**30
"""Bytes that should always be free."""


def check_disk(address: str) -> list[Check]:
    """None where it cannot be seen from here: the product's alert rules watch it there."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host not in _HERE or not port.isdigit():
        return []
    return [judged(path) for path in sorted(set(_data_of(int(port))))]


def judged(directory: Path) -> Check:
    """A Temporal whose disk is full stops, and every incident with it."""
    usage = shutil.disk_usage(directory)
    share = usage.free / usage.total
    name = f"disk of Temporal at {directory}"
    if share >= LOW and usage.free >= LEAST:
        return Check(name=name, ok=True)
    problem = f"{in_bytes(usage.free)} are free, {share:.0%}"
    optional = share >= SCARCE and usage.free >= LEAST
    cure = "make room: Temporal stops when it is full"
    return Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.TROUBLE, optional=optional)


def _data_of(port: int) -> Iterator[Path]:
    """The directories of the database files that the process behind this port has open."""
    try:
        listening = [
            one.pid
            for one in psutil.net_connections(kind="tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid
        ]
        for pid in set(listening):
            for file in psutil.Process(pid).open_files():
                if file.path.endswith(_DATA):
                    yield Path(file.path).parent
    except (psutil.Error, OSError):
        return
