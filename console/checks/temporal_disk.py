"""The disk under Temporal, where it runs on this machine and keeps its data in files that can be seen."""

from __future__ import annotations

import shutil
from pathlib import Path

from models.base import in_bytes
from models.examined import Check, Kind
from runtime.alive.temporal_disk import data_of

SCARCE, LOW = 0.05, 0.15
"""Free shares of the disk."""
LEAST = 2**30
"""Bytes that should always be free."""


def check_disk(address: str) -> list[Check]:
    """None where it cannot be seen from here: the product's alert rules watch it there."""
    return [judged(path) for path in data_of(address)]


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
