"""Drills of several locations run at the same time: none takes away what another is restoring into."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from activities.drill.scratch import scratch
from demo.parts.postgres_programs import postgres_program
from models.configuration.backups import BackupLocation


def location(name: str) -> BackupLocation:
    drill = {"programs": str(Path(postgres_program("pg_restore")).parent)}
    return BackupLocation.model_validate({"name": name, "directory": "/nowhere", "drill": drill})


@pytest.mark.parametrize(
    ("name", "other"), [("beside-eu", "beside"), ("affiliate production eu", "affiliate production us")]
)
async def test_locations_whose_names_begin_alike(name: str, other: str) -> None:
    async with (
        scratch(location(name), (), 0, (), "1a2b3c4d") as first,
        scratch(location(other), (), 0, (), "1a2b3c4e"),
    ):
        connection = await asyncpg.connect(first.url, timeout=5)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
