"""Watches how large a database becomes while it is restored: a small backup can make one without end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from models.base import in_bytes

EVERY = 0.5
"""Seconds between two looks."""


class TooLarge(Exception):
    """The database became larger than its backup lets expect. The text has the cure."""


@contextlib.asynccontextmanager
async def watched(size: Callable[[], Awaitable[int]], most: int, name: str) -> AsyncIterator[None]:
    """The block, which is ended when the database has more than `most` bytes. Raises `TooLarge`, and what
    `size` raises."""
    block = asyncio.current_task()
    assert block is not None  # noqa: S101 - an activity is a task
    seen = 0

    async def look() -> None:
        nonlocal seen
        while (seen := await size()) <= most:  # noqa: ASYNC110 - a database tells nobody that it grows
            await asyncio.sleep(EVERY)

    watch = asyncio.create_task(look())
    watch.add_done_callback(lambda _: block.cancel() if not watch.cancelled() else None)
    try:
        yield
    except asyncio.CancelledError:
        if not watch.done() or watch.cancelled():
            raise
        block.uncancel()
        if error := watch.exception():
            raise error from None
        raise TooLarge(
            f"the restore was ended when it had {in_bytes(seen)}, far more than the size of the backup lets "
            f"expect: raise drill.room of {name} if it is as it should be"
        ) from None
    finally:
        watch.cancel()


async def size_of(directory: Path) -> int:
    """Bytes of the files in and below a directory; what goes meanwhile counts nothing."""
    return await asyncio.to_thread(_size_of, directory)


def _size_of(directory: Path) -> int:
    size = 0
    for where, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                size += (Path(where) / name).lstat().st_blocks * 512
    return size
