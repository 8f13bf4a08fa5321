"""Has a service write down what is in its memory, and keeps the file beside the review.

Bounded in time and in bytes. A signal is only sent to the very process that was seen, and only if the kernel
says that it handles it: any other would end by it.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import psutil
from temporalio import activity

from activities.app.switches import Switches, final
from activities.files.old_files import Directory, Found, opened, unreadable
from activities.managers import ManagerError, Managers
from activities.support.heartbeats import beating
from activities.support.regular_files import file_in, identity_of, private_directory
from models.actions.change import ActionResult, Perform
from models.actions.memory import TakeDiagnostic
from models.base import in_bytes, in_words
from models.service.memory import Diagnostic
from models.service.service import Service
from models.service.surroundings import CleanUp

SETTLED = timedelta(seconds=2)
"""A file that did not grow for so long is whole."""
CLOCKS = timedelta(seconds=5)
"""So much may two systems differ about the time."""

_LOOK_EVERY = 0.25
_AT_A_TIME = 2**20
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class NotTaken(Exception):
    """Why there is no diagnostic, in one sentence."""


@dataclass(frozen=True)
class Taken:
    """The file that appeared, and where it is kept."""

    path: Path
    size: int
    kept: Path


class DiagnosticActivities:
    """Asks services for diagnostics, and copies their files into the directory of the reviews."""

    def __init__(self, managers: Managers, switches: Switches, reviews: Path) -> None:
        self._managers = managers
        self._switches = switches
        self._reviews = reviews

    @activity.defn
    async def take_diagnostic(self, request: Perform[TakeDiagnostic]) -> ActionResult:
        """Done when the file is kept. One that was begun since `asked_at` is not asked for anew."""
        service, now = request.action.service, datetime.now(UTC)
        diagnostic = service.diagnostic
        if diagnostic is None:
            raise final(f"no diagnostic is configured for {service.name}", "Unsupported")
        try:
            async with beating():
                taken = await self._take(service, diagnostic, request.asked_at)
        except NotTaken as why:
            return ActionResult(done=False, found=f"no diagnostic: {why}", at=now)
        found = f"{taken.path} has {in_bytes(taken.size)}, and is kept as {taken.kept}"
        return ActionResult(done=True, found=found, at=datetime.now(UTC), kept=taken.kept.name)

    async def _take(self, service: Service, diagnostic: Diagnostic, asked_at: datetime) -> Taken:
        until = time.monotonic() + diagnostic.at_most.total_seconds()
        if await asyncio.to_thread(_newest, diagnostic, asked_at) is None:
            await asyncio.to_thread(_room_for_it, diagnostic)
            await self._ask(service, diagnostic)
        found = await self._written(diagnostic, asked_at, until)
        name = _NOT_IN_A_NAME.sub("-", f"{service.name}-{asked_at:%Y%m%dT%H%M%SZ}-{found.name}")
        kept = self._reviews / name
        await asyncio.to_thread(_keep, diagnostic, found, kept)
        return Taken(Path(diagnostic.directory) / found.name, found.size, kept)

    async def _ask(self, service: Service, diagnostic: Diagnostic) -> None:
        if diagnostic.call is not None:
            answer = await self._switches.throw(diagnostic.call, "the diagnostic was begun")
            if not answer.done:
                raise NotTaken(answer.found)
            return
        try:
            await asyncio.to_thread(self._signal, service, diagnostic)
        except ManagerError as error:
            raise NotTaken(str(error)) from error

    def _signal(self, service: Service, diagnostic: Diagnostic) -> None:
        manager = self._managers.of(service)
        seen = manager.state()
        if not seen.running or seen.pid is None or seen.started_at is None:
            raise NotTaken(f"{service.name} does not run: {seen.reason}")
        if not _handles(seen.pid, seen.started_at, diagnostic.number):
            raise NotTaken(
                f"{diagnostic.signal} was not sent: this worker cannot see that process {seen.pid} of"
                f" {service.name} handles it, and one that does not would end by it"
            )
        manager.signal(diagnostic.signal)

    async def _written(self, diagnostic: Diagnostic, asked_at: datetime, until: float) -> Found:
        """The new file, once it does not grow any more."""
        last, since = None, time.monotonic()
        while True:
            found = await asyncio.to_thread(_newest, diagnostic, asked_at)
            if found and found.size > diagnostic.largest:
                limit = in_bytes(diagnostic.largest)
                raise NotTaken(f"{found.name} has more than {limit}, and stays where it is")
            if found is None or last is None or (found.name, found.size) != (last.name, last.size):
                last, since = found, time.monotonic()
            elif found.size and time.monotonic() - since >= SETTLED.total_seconds():
                return found
            if time.monotonic() >= until:
                limit = in_words(diagnostic.at_most)
                raise NotTaken(
                    f"no new file {diagnostic.pattern} in {diagnostic.directory} within {limit}"
                    if found is None
                    else f"{found.name} was not finished within {limit}"
                )
            await asyncio.sleep(_LOOK_EVERY)


def _handles(pid: int, started_at: datetime, number: int) -> bool:
    """Whether this process, of this start, has a handler for the signal."""
    try:
        began = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
        status = Path(psutil.PROCFS_PATH, str(pid), "status").read_text(encoding="ascii", errors="replace")
    except (psutil.Error, OSError):
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    if caught is None or abs(began - started_at) > CLOCKS:
        return False
    return bool(int(caught[1], 16) >> (number - 1) & 1)


def why_not(diagnostic: Diagnostic) -> str:
    """Why none can be taken into its directory; empty when one can."""
    try:
        _newest(diagnostic, datetime.now(UTC))
        _room_for_it(diagnostic)
    except NotTaken as why:
        return str(why)
    return ""


def _where(diagnostic: Diagnostic) -> CleanUp:
    return CleanUp(directory=diagnostic.directory, pattern=diagnostic.pattern)


def _newest(diagnostic: Diagnostic, asked_at: datetime) -> Found | None:
    """The newest file that was written to since it was asked for."""
    try:
        with opened(_where(diagnostic)) as directory:
            newest = next(iter(directory.matching()), None)
    except OSError as error:
        raise NotTaken(unreadable(_where(diagnostic), error)) from error
    return newest if newest and newest.modified >= (asked_at - CLOCKS).timestamp() else None


def _room_for_it(diagnostic: Diagnostic) -> None:
    """A diagnostic must not fill the disk."""
    disk = os.statvfs(diagnostic.directory)
    free = disk.f_bavail * disk.f_frsize
    if free < 2 * diagnostic.largest:
        raise NotTaken(
            f"the disk of {diagnostic.directory} has {in_bytes(free)} free, and the file and its copy may"
            f" take {in_bytes(2 * diagnostic.largest)}"
        )


def _keep(diagnostic: Diagnostic, found: Found, kept: Path) -> None:
    """Copy it, whole or not at all, readable by the worker's user alone."""
    part = kept.with_name(f".{kept.name}.part")
    try:
        private_directory(kept.parent)
        with opened(_where(diagnostic)) as directory, _source(directory, found) as source:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as copy:
                _copy(source, copy, diagnostic.largest)
        part.replace(kept)
    except (OSError, NotTaken) as error:
        part.unlink(missing_ok=True)
        why = str(error) if isinstance(error, NotTaken) else error.strerror or type(error).__name__
        raise NotTaken(f"{found.name} could not be kept beside the reviews: {why}") from error


def _source(directory: Directory, found: Found) -> BinaryIO:
    file = file_in(directory.descriptor, found.name)
    status = os.fstat(file.fileno())
    if identity_of(status) != found.bound or status.st_nlink != 1:
        file.close()
        raise NotTaken("it is not the file any more that was written")
    return file


def _copy(source: BinaryIO, copy: BinaryIO, most: int) -> None:
    copied = 0
    while part := source.read(_AT_A_TIME):
        copied += len(part)
        if copied > most:
            raise NotTaken(f"it has more than {in_bytes(most)}")
        copy.write(part)
    copy.flush()
    os.fsync(copy.fileno())
