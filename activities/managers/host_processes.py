"""The processes of the worker's own machine: when they began, whom they belong to, what they use."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from models.service.process import ProcessIdentity

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_START = 19
"""Where `/proc/PID/stat` has the start, counted from behind the name, which may hold anything."""
_CPU_SAMPLE = 0.3
"""Seconds over which CPU use is measured."""


def began(process: psutil.Process) -> datetime:
    """When the process was created, to a hundredth of a second, and never too early.

    The kernel cuts a creation to its clock tick, and psutil adds a boot time that is cut to whole
    seconds: early enough to take a restarted process for the one before.
    """
    created = process.create_time() + _TICK
    if hasattr(time, "CLOCK_BOOTTIME"):
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        created += booted - psutil.boot_time()
    return datetime.fromtimestamp(created, UTC)


def began_of(pid: int) -> datetime | None:
    """When this process was created; None when it is gone or hidden."""
    try:
        return began(psutil.Process(pid))
    except psutil.Error:
        return None


def identity_of(pid: int) -> ProcessIdentity | None:
    """What tells this process from all others; None when it is gone, or this is not Linux.

    Raises `PermissionError` when this user may not look.
    """
    process = Path(psutil.PROCFS_PATH, str(pid))
    try:
        since_boot = int((process / "stat").read_bytes().rpartition(b")")[2].split()[_START])
        executable, file = (process / "exe").readlink(), (process / "exe").stat()
        return ProcessIdentity(
            boot=Path(psutil.PROCFS_PATH, "sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
            started=since_boot,
            executable=bytes(executable).decode(errors="backslashreplace"),
            device=file.st_dev,
            inode=file.st_ino,
            owner=psutil.Process(pid).uids().real,
        )
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return None
    except psutil.AccessDenied as error:
        raise PermissionError(str(error)) from error


def family(pid: int) -> tuple[psutil.Process, ...]:
    """A process and all that descend from it; empty when it is gone."""
    try:
        parent = psutil.Process(pid)
        return (parent, *parent.children(recursive=True))
    except psutil.Error:
        return ()


def memory_of(processes: Iterable[psutil.Process]) -> int | None:
    """Resident memory in bytes; None when no process could be read."""
    sizes = [size for process in processes if (size := _resident(process)) is not None]
    return sum(sizes) if sizes else None


def cpu_share_of(processes: Iterable[psutil.Process]) -> float | None:
    """Share of all the machine's CPUs that the processes used over a third of a second."""
    before = {process: spent for process in processes if (spent := _spent(process)) is not None}
    if not before:
        return None
    clock = time.monotonic()
    time.sleep(_CPU_SAMPLE)
    elapsed = (time.monotonic() - clock) * (psutil.cpu_count() or 1)
    used = sum((_spent(process) or spent) - spent for process, spent in before.items())
    return max(0.0, used / elapsed)


def _resident(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return None


def _spent(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)
