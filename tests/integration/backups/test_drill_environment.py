"""The programs of a drill see nothing of the worker's environment."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.parts.postgres_programs import postgres_program
from models.checks.item import ItemState
from models.configuration.backups import BackupKind
from tests.integration.backups.conftest import put
from tests.integration.backups.test_drill import drilled, location

PROGRAMS = ("initdb", "postgres", "pg_restore")
OWN_VARIABLE = "PYTEST_CURRENT_TEST"
"""A variable of this process, as a token is one of the worker's."""


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """The programs run as nobody, who may not enter the directories of tests."""
    with tempfile.TemporaryDirectory(prefix="programs-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lay down")
@pytest.mark.parametrize(
    ("file", "kind", "name"),
    [("shop.sql.gz", BackupKind.PLAIN, "psql"), ("shop.dump", BackupKind.CUSTOM, "pg_restore")],
)
async def test_what_restores_a_backup_has_no_rights_of_root(
    dumps: Path, tmp_path: Path, open_to_all: Path, file: str, kind: BackupKind, name: str
) -> None:
    put(dumps / file, tmp_path / file).chmod(0o600)
    for one in ("initdb", "postgres", "psql", "pg_restore"):
        program = open_to_all / one
        seen = shlex.quote(str(open_to_all / f"{one}.seen"))
        program.write_text(f'#!/bin/sh\nid -u >> {seen}\nexec {shlex.quote(postgres_program(one))} "$@"\n')
        program.chmod(0o755)
    where = location(tmp_path, kind, programs=str(open_to_all)).model_copy(update={"name": "open"})
    more = {"name": "unprivileged", "pg_restore": str(open_to_all / "pg_restore")}
    for one in ("psql", "pg_restore"):
        (open_to_all / f"{one}.seen").touch()
        (open_to_all / f"{one}.seen").chmod(0o666)
    found = await drilled(where.model_copy(update=more))
    assert found.state is ItemState.OK, found.reason
    assert (open_to_all / f"{name}.seen").read_text().split()[-1] == "65534"


async def test_no_program_of_a_drill_gets_the_environment_of_the_worker(
    dumps: Path, tmp_path: Path, open_to_all: Path
) -> None:
    put(dumps / "shop.dump", tmp_path / "new.dump")
    for name in PROGRAMS:
        real, seen = shlex.quote(postgres_program(name)), shlex.quote(str(open_to_all / f"{name}.seen"))
        program = open_to_all / name
        program.write_text(f'#!/bin/sh\ncat /proc/$$/environ >> {seen}\nexec {real} "$@"\n')
        program.chmod(0o755)
    where = location(tmp_path, programs=str(open_to_all)).model_copy(update={"name": "seen"})
    found = await drilled(where.model_copy(update={"pg_restore": str(open_to_all / "pg_restore")}))
    assert found.state is ItemState.OK, found.reason
    assert OWN_VARIABLE in os.environ
    for name in PROGRAMS:
        seen_by = (open_to_all / f"{name}.seen").read_bytes()
        assert b"PATH=" in seen_by
        assert OWN_VARIABLE.encode() not in seen_by, name
