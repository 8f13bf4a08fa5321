"""Disk and memory of this machine, above and below its floors."""

from __future__ import annotations

import psutil
from temporalio.testing import ActivityEnvironment

from activities.service.host import HostActivities, HostSeen
from models.service.service import HostFloors
from tests.parts.servers.docker_engine import docker_service


def look(floors: HostFloors) -> HostSeen:
    return ActivityEnvironment().run(HostActivities().look_at_host, docker_service("backend", floors=floors))


def test_above_its_floors() -> None:
    seen = look(HostFloors(disk_free=0, memory_free=0))
    assert seen.ok
    assert seen.memory_total == psutil.virtual_memory().total
    assert seen.disks[0].path == "/"
    assert seen.full_disk is None


def test_a_full_disk() -> None:
    seen = look(HostFloors(disk_free=0.9999, memory_free=0))
    assert seen.bad
    assert seen.full_disk is not None
    assert seen.reason.startswith("/ has only ")


def test_short_of_memory() -> None:
    seen = look(HostFloors(disk_free=0, memory_free=0.9999))
    assert seen.bad
    assert seen.short_of_memory
    assert "memory is available" in seen.reason


def test_a_disk_that_is_not_there_is_unknown() -> None:
    seen = look(HostFloors(disks=("/", "/nowhere/at/all"), disk_free=0, memory_free=0))
    assert seen.unknown
    assert seen.reason == "cannot look at /nowhere/at/all: No such file or directory"
