"""The file of a store is its user's own, and closed to others: nobody leads the worker to another file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.store.database import StoreAway
from runtime.store.file import PRIVATE
from runtime.store.reading import Search, StoredIncidents
from runtime.store.sqlite import SqliteDatabase
from runtime.store.store import IncidentStore
from tests.parts.store.stored import BEGAN, growth_of, state_of


@pytest.fixture(params=[0o022, 0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


async def stored(file: Path) -> None:
    store = IncidentStore(SqliteDatabase(file))
    await store.prepare()
    await store.append([growth_of(state_of("began"))], BEGAN)


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o777


async def test_it_is_closed_to_others_whatever_the_umask(umask: None, tmp_path: Path) -> None:
    file = tmp_path / "store" / "incidents.sqlite"
    await stored(file)
    assert mode_of(file) == PRIVATE
    file.chmod(0o666)  # as an earlier version, or somebody, left it
    await stored(file)
    assert mode_of(file) == PRIVATE
    file.chmod(0o600)
    await stored(file)
    assert mode_of(file) == 0o600, "what is closed more tightly stays so"


async def refused(file: Path, why: str) -> None:
    """Whether it is written or read."""
    with pytest.raises(StoreAway, match=why):
        await stored(file)
    with pytest.raises(StoreAway, match=why):
        await StoredIncidents(SqliteDatabase(file)).find(Search())


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    other, link, nowhere = tmp_path / "other.sqlite", tmp_path / "link.sqlite", tmp_path / "nowhere.sqlite"
    await stored(other)
    before = other.read_bytes()
    link.symlink_to(other)
    nowhere.symlink_to(tmp_path / "not-there.sqlite")
    await refused(link, "is a symbolic link: name the file itself in store.file")
    await refused(nowhere, "is a symbolic link")
    assert other.read_bytes() == before
    assert not (tmp_path / "not-there.sqlite").exists()


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    await refused(tmp_path / "pipe", "is not a regular file")
    await refused(tmp_path, "is not a regular file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
async def test_the_file_of_another_user_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "incidents.sqlite"
    await stored(file)
    os.chown(file, 65_534, -1)
    await refused(file, "belongs to nobody")
    os.chown(tmp_path, 65_534, -1)
    with pytest.raises(StoreAway, match="belongs to nobody, and root is to write it"):
        await stored(file)
    await StoredIncidents(SqliteDatabase(file)).find(
        Search()
    )  # its reader may be another user than its writer
