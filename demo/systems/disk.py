"""A small disk of its own, so that it can be full without harm: a tmpfs of a few megabytes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from demo.parts.errors import PartError
from demo.parts.part import Part

SIZE = 128 * 2**20
"""Bytes. A fresh PostgreSQL needs about 45 MiB of it."""
_OLD = timedelta(days=3)
_FILE = 4 * 2**20
_LINE = b"a line of long ago\n"


class CannotMountError(PartError):
    """This user or this machine does not allow a mount; the message says so."""


class SmallDisk(Part):
    """Mounted at `path`. Its logs are in `logs`: old ones that may go, and the newest that may not."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "disk"
        self.logs = self.path / "logs"

    async def start(self) -> None:
        await asyncio.to_thread(self._mount)

    async def stop(self) -> None:
        if self.path.is_mount():
            await asyncio.to_thread(_run, "umount", "--lazy", str(self.path))

    def fill(self) -> None:
        """Old log files until nothing fits any more, and a new one that is still written to."""
        self.logs.mkdir(exist_ok=True)
        (self.logs / "affiliate.log").write_text("a line of today\n")
        for nth in range(SIZE // _FILE):
            with suppress(OSError):  # the disk is full by then
                (self.logs / f"affiliate.log.{nth + 1}").write_bytes(_LINE * (_FILE // len(_LINE)))
        long_ago = time.time() - _OLD.total_seconds()
        for file in self.logs.glob("affiliate.log.*"):
            os.utime(file, (long_ago, long_ago))

    def empty(self) -> None:
        """Take the log files away that nobody cleaned up."""
        shutil.rmtree(self.logs, ignore_errors=True)

    def _mount(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", str(self.path))


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError as error:
        raise CannotMountError(f"{argv[0]} is not installed") from error
    if done.returncode != 0:
        raise CannotMountError(
            f"a small disk cannot be made, which takes root: {done.stderr.strip() or argv[0]}"
        )
