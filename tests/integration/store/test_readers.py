"""The intake is another user than the worker: it reads the file of the store, and may write nothing there."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.store.sqlite import SqliteDatabase
from runtime.store.store import IncidentStore
from tests.parts.product.intake import ROOT
from tests.parts.store.stored import BEGAN, growth_of, state_of

NOBODY = 65534
READER = """
import asyncio, os, sys
from pathlib import Path
from runtime.store.reading import Search, StoredIncidents
from runtime.store.sqlite import SqliteDatabase

os.setgroups([int(sys.argv[2])])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
found = asyncio.run(StoredIncidents(SqliteDatabase(Path(sys.argv[1]))).find(Search()))
print(found.total, os.access(sys.argv[1], os.W_OK))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that other users may enter."""
    with tempfile.TemporaryDirectory(prefix="store-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


async def read_by_another(file: Path) -> str:
    group = str(file.parent.stat().st_gid)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, str(file), group, str(NOBODY),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return out.decode().strip() or err.decode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_of_its_group_reads_while_nobody_and_while_somebody_writes(home: Path) -> None:
    database = SqliteDatabase(home / "store" / "incidents.sqlite")
    store = IncidentStore(database)
    await store.prepare()
    await store.append([growth_of(state_of("began"))], BEGAN)
    assert await read_by_another(home / "store" / "incidents.sqlite") == "1 False"
    async with database.writing() as one:
        await one.run("UPDATE runbooks_incidents SET cause = 'crash'")
        assert await read_by_another(home / "store" / "incidents.sqlite") == "1 False"
