"""Where Temporal keeps its data, if that is in files of this machine that can be seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

_HERE = ("localhost", "127.0.0.1", "::1", "[::1]")
_DATA = (".db", ".sqlite", ".sqlite3", ".db-wal")


def data_of(address: str) -> list[Path]:
    """None where they cannot be seen from here: its own machine must watch its disk then."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host not in _HERE or not port.isdigit():
        return []
    return sorted(set(_data_of(int(port))))


def free_shares(address: str) -> dict[str, float]:
    """Of the disk under each of these directories, from 0 to 1."""
    usages = {str(one): shutil.disk_usage(one) for one in data_of(address)}
    return {path: usage.free / usage.total for path, usage in usages.items()}


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
