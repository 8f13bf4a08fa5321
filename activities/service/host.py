"""Disk and memory of the machine that the worker runs on.

Evidence for the causes "resources exhausted" and "disk full". A service on another machine is checked by
the worker of that machine's task queue.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import psutil
from temporalio import activity

from models.base import Model, in_bytes
from models.evidence.evidence import Evidence, Finding
from models.service.service import HostFloors, Service


class DiskSeen(Model):
    """One mounted file system; bytes."""

    path: str
    total: int
    free: int
    full: bool


class HostSeen(Evidence):
    """Disk and memory of the service's host; bytes. `bad` when under the configured floor."""

    disks: tuple[DiskSeen, ...] = ()
    memory_total: int | None = None
    memory_available: int | None = None
    short_of_memory: bool = False

    @property
    def full_disk(self) -> DiskSeen | None:
        return next((disk for disk in self.disks if disk.full), None)


class HostActivities:
    """Reads the kernel's own numbers; needs no client."""

    @activity.defn
    def look_at_host(self, service: Service) -> HostSeen:
        """`bad` when a disk or the memory is under its configured floor."""
        floors = service.floors
        disks: list[DiskSeen] = []
        short: list[str] = []
        unseen: list[str] = []
        for path in floors.disks:
            try:
                disk, reason = _disk(path, floors)
            except OSError as error:
                unseen.append(f"cannot look at {path}: {error.strerror or type(error).__name__}")
                continue
            disks.append(disk)
            if disk.full:
                short.append(reason)
        memory = psutil.virtual_memory()
        short_of_memory = memory.available < memory.total * floors.memory_free
        if short_of_memory:
            short.append(f"only {in_bytes(memory.available)} of {in_bytes(memory.total)} memory is available")
        finding = Finding.BAD if short else Finding.UNKNOWN if unseen else Finding.OK
        return HostSeen(
            finding=finding,
            reason="; ".join((*short, *unseen)) or "disk and memory are above their floors",
            observed_at=datetime.now(UTC),
            disks=tuple(disks),
            memory_total=memory.total,
            memory_available=memory.available,
            short_of_memory=short_of_memory,
        )


def _disk(path: str, floors: HostFloors) -> tuple[DiskSeen, str]:
    """A disk without inodes is as full as one without bytes, and says the same `No space left on device`."""
    usage, inodes = psutil.disk_usage(path), os.statvfs(path)
    out_of_inodes = inodes.f_files > 0 and inodes.f_favail < inodes.f_files * floors.disk_free
    full = usage.free < usage.total * floors.disk_free or out_of_inodes
    disk = DiskSeen(path=path, total=usage.total, free=usage.free, full=full)
    if out_of_inodes:
        return disk, f"{path} has only {inodes.f_favail} of {inodes.f_files} inodes left"
    return disk, f"{path} has only {in_bytes(usage.free)} of {in_bytes(usage.total)} left"
