"""Backups by a real `pg_dump`, as they should be and in every way in which they are not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import socket
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.backups.backups import BackupActivities
from demo.parts.postgres_programs import postgres_program
from models.checks.item import ItemResult, ItemState
from models.configuration.backups import BackupKind, BackupLocation
from tests.integration.backups.conftest import aged, put

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def look(directory: Path, kind: BackupKind = BackupKind.CUSTOM, **more: Any) -> ItemResult:
    settings = {"pg_restore": postgres_program("pg_restore"), **more}
    location = BackupLocation(name="nightly", directory=str(directory), kind=kind, **settings)
    return ActivityEnvironment().run(BackupActivities().look_at_backup, location)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("shop.dump", BackupKind.CUSTOM),
        ("shop.sql", BackupKind.PLAIN),
        ("shop.sql.gz", BackupKind.PLAIN),
        ("shop.dir", BackupKind.DIRECTORY),
    ],
)
def test_a_good_backup_of_each_format(dumps: Path, tmp_path: Path, file: str, kind: BackupKind) -> None:
    for days in range(4):
        put(dumps / file, tmp_path / f"{days}-{file}", 3 * HOUR + days * DAY)
    found = look(tmp_path, kind)
    assert (found.state, found.reason.split(",")[0]) == (ItemState.OK, f"0-{file}: it is 3 h old")
    assert any("rows of 2 tables" in one and "PostgreSQL 17" in one for one in found.details)
    figures = {one.name: one.value for one in found.figures}
    assert figures["age"] == pytest.approx(3.0, abs=0.1)
    assert figures["size"]
    assert len(found.tables[0].rows) == 4
    assert len(found.charts[0].series[0].values) == 4


def test_a_truncated_archive_whose_list_is_readable(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "old.dump", DAY)
    put(dumps / "shop.dump", tmp_path / "new.dump", size=(dumps / "shop.dump").stat().st_size * 9 // 10)
    found = look(tmp_path)
    assert found.state is ItemState.BAD
    assert found.reason.startswith("new.dump: it is truncated")
    assert any("the one before, old.dump" in one for one in found.details)


@pytest.mark.parametrize(
    ("file", "kind", "size", "says"),
    [
        ("shop.dump", BackupKind.CUSTOM, 300, "truncated"),
        ("shop.dump", BackupKind.CUSTOM, 2, "truncated"),
        ("shop.sql", BackupKind.PLAIN, 100_000, "by which pg_dump tells that it is complete"),
        ("shop.sql.gz", BackupKind.PLAIN, 100_000, "compressed data end in the middle"),
        ("shop.dump", BackupKind.CUSTOM, 0, "is empty"),
    ],
)
def test_a_part_of_a_backup(
    dumps: Path, tmp_path: Path, file: str, kind: BackupKind, size: int, says: str
) -> None:
    put(dumps / file, tmp_path / file, size=size)
    found = look(tmp_path, kind)
    assert (found.state, says in found.reason) == (ItemState.BAD, True), found.reason


def test_a_directory_dump_that_was_never_completed_or_lost_a_file(dumps: Path, tmp_path: Path) -> None:
    dump = put(dumps / "shop.dir", tmp_path / "shop.dir")
    next(dump.glob("*.dat.gz")).unlink()
    aged(dump, 3 * HOUR)
    lost = look(tmp_path, BackupKind.DIRECTORY)
    assert (lost.state, "is missing" in lost.reason) == (ItemState.BAD, True), lost.reason
    (dump / "toc.dat").unlink()
    aged(dump, 3 * HOUR)
    never = look(tmp_path, BackupKind.DIRECTORY)
    assert (never.state, "never completed" in never.reason) == (ItemState.BAD, True), never.reason


def test_bytes_that_changed_on_the_disk(dumps: Path, tmp_path: Path) -> None:
    for file, kind in (("shop.sql.gz", BackupKind.PLAIN), ("shop.dump", BackupKind.CUSTOM)):
        content = bytearray((dumps / file).read_bytes())
        middle = len(content) // 2
        content[middle : middle + 4000] = bytes(4000)
        (tmp_path / file).write_bytes(content)
        aged(tmp_path / file, HOUR)
        found = look(tmp_path, kind, pattern=file)
        assert found.state is ItemState.BAD, found.reason


def test_nothing_that_gzip_made_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.sql.gz").write_bytes(gzip.compress(b""))
    aged(tmp_path / "shop.sql.gz", HOUR)
    found = look(tmp_path, BackupKind.PLAIN)
    assert (found.state, "it holds nothing" in found.reason) == (ItemState.BAD, True)


def test_a_good_gzip_of_a_dump_that_broke_off(dumps: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.sql.gz").write_bytes(gzip.compress((dumps / "shop.sql").read_bytes()[:300_000]))
    aged(tmp_path / "shop.sql.gz", HOUR)
    found = look(tmp_path, BackupKind.PLAIN)
    assert (found.state, "tells that it is complete" in found.reason) == (ItemState.BAD, True)


def test_a_whole_cluster(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "all.sql", tmp_path / "all.sql")
    assert look(tmp_path, BackupKind.PLAIN).state is ItemState.OK
    whole = (dumps / "all.sql").read_bytes()
    put(
        dumps / "all.sql",
        tmp_path / "all.sql",
        size=whole.rindex(b"-- PostgreSQL database cluster dump complete"),
    )
    cut = look(tmp_path, BackupKind.PLAIN)
    assert (cut.state, "tells that it is complete" in cut.reason) == (ItemState.BAD, True)


def test_a_stale_one_and_one_that_is_far_smaller(dumps: Path, tmp_path: Path) -> None:
    for days in range(2, 6):
        (tmp_path / f"{days}.dump").write_bytes((dumps / "shop.dump").read_bytes() * 3)
        aged(tmp_path / f"{days}.dump", days * DAY)
    put(dumps / "shop.dump", tmp_path / "new.dump", 30 * HOUR)
    found = look(tmp_path)
    assert found.state is ItemState.BAD
    assert "it is 30 h old" in found.reason
    assert "has 33% of the usual size" in found.reason


def test_a_fresh_copy_of_an_old_archive_is_old(dumps: Path, tmp_path: Path) -> None:
    made = put(dumps / "shop.dump", tmp_path / "copy.dump", -timedelta(minutes=4))
    content = bytearray(made.read_bytes())
    year = next(i for i in range(11, 60) if content[i : i + 5] == b"\x00\x7e\x00\x00\x00")
    content[year + 1] -= 1  # the year of its header, counted from 1900
    made.write_bytes(content)
    aged(made, HOUR)
    found = look(tmp_path)
    assert (found.state, "its file is a newer copy" in found.reason) == (ItemState.BAD, True), found.reason


def test_what_is_still_being_written_is_left_alone(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "now.dump", timedelta(), size=100)
    only = look(tmp_path)
    assert (only.state, "still being written" in only.reason) == (ItemState.ATTENTION, True)
    put(dumps / "shop.dump", tmp_path / "before.dump", 5 * HOUR)
    put(dumps / "shop.dump", tmp_path / "now.dump.in_progress", 4 * HOUR, size=100)
    found = look(tmp_path)
    assert (found.state, found.reason.split(":")[0]) == (ItemState.OK, "before.dump")
    assert sum("still being written" in one for one in found.details) == 2


def test_a_time_in_the_future_tells_no_age(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "shop.dump", -3 * HOUR)
    found = look(tmp_path)
    assert (found.state, "in the future" in found.reason) == (ItemState.UNKNOWN, True)
    assert found.figures[0].value is None


def test_a_checksum_beside_it_is_no_backup(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "shop.dump")
    (tmp_path / "shop.dump.sha256").write_text(f"{'ab' * 32}  shop.dump\n")
    aged(tmp_path / "shop.dump.sha256", HOUR)
    found = look(tmp_path)
    assert (found.state, found.reason.split(":")[0]) == (ItemState.OK, "shop.dump"), found.reason


def test_links(dumps: Path, tmp_path: Path) -> None:
    (tmp_path / "latest.dump").symlink_to("2026.dump")
    alone = look(tmp_path)
    assert (alone.state, "which is not there" in alone.reason) == (ItemState.BAD, True)
    put(dumps / "shop.dump", tmp_path / "2026.dump")
    good = look(tmp_path)
    assert (good.state, len(good.tables[0].rows)) == (ItemState.OK, 1), "two names of one file"
    (tmp_path / "old.dump").symlink_to("gone.dump")
    assert look(tmp_path).state is ItemState.ATTENTION


def test_a_link_to_itself_names_the_cure(dumps: Path, tmp_path: Path) -> None:
    (tmp_path / "latest.dump").symlink_to("latest.dump")
    alone = look(tmp_path)
    assert (alone.state, "link it to the newest backup" in alone.reason) == (ItemState.BAD, True), (
        alone.reason
    )
    put(dumps / "shop.dump", tmp_path / "2026.dump")
    beside = look(tmp_path)
    assert (beside.state, "which leads back to it" in beside.reason) == (ItemState.ATTENTION, True)


def test_what_is_no_dump_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("c99081e7-a-secret-of-somebody\n")
    aged(tmp_path / "a.sql", HOUR)
    found = look(tmp_path, BackupKind.PLAIN)
    assert (found.state, "c99081e7" in found.model_dump_json()) == (ItemState.BAD, False), found.reason
    assert "it is no dump of PostgreSQL" in found.reason


@pytest.mark.parametrize("kind", list(BackupKind))
def test_a_link_out_of_the_directory_is_not_followed(dumps: Path, tmp_path: Path, kind: BackupKind) -> None:
    file = {BackupKind.CUSTOM: "shop.dump", BackupKind.PLAIN: "shop.sql"}.get(kind, "shop.dir")
    put(dumps / file, tmp_path / "elsewhere")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "latest").symlink_to(tmp_path / "elsewhere")
    found = look(tmp_path / "backups", kind)
    assert (found.state, "latest is a link out of" in found.reason) == (ItemState.UNKNOWN, True), found.reason


@pytest.mark.parametrize("how", ["a link", "a directory", "a name", "a name without lengths"])
def test_a_directory_dump_is_made_of_its_own_files(dumps: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "secret").write_text("c99081e7-a-secret-of-somebody\n")
    dump = put(dumps / "shop.dir", tmp_path / "backups" / "shop.dir")
    listed = (dump / "toc.dat").read_bytes()
    rows = next(dump.glob("*.dat.gz"))
    name = rows.name.removesuffix(".gz").encode()
    match how:
        case "a link":
            rows.unlink()
            rows.with_suffix("").symlink_to(tmp_path / "secret")
        case "a directory":
            (dump / "more").mkdir()
        case "a name":
            other = b"../../secret"
            at = listed.index(len(name).to_bytes(4, "little") + name)
            end = at + 4 + len(name)
            listed = listed[:at] + len(other).to_bytes(4, "little") + other + listed[end:]
        case _:
            listed = listed[:8] + b"\x01" + listed[9:]
    (dump / "toc.dat").write_bytes(listed)
    aged(dump, HOUR)
    found = look(tmp_path / "backups", BackupKind.DIRECTORY)
    assert (found.state, "it is no backup to be read" in found.reason) == (ItemState.BAD, True), found.reason


@pytest.mark.parametrize("kind", list(BackupKind))
def test_what_is_no_file_and_no_directory_names_the_cure(tmp_path: Path, kind: BackupKind) -> None:
    os.mkfifo(tmp_path / "shop.dump")
    (tmp_path / "null").symlink_to("/dev/null")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "socket"))
    for name, what in (("shop.dump", "a named pipe"), ("null", "a device"), ("socket", "a socket")):
        found = look(tmp_path, kind, pattern=name)
        says = (
            f"{name} is {what}, which holds no backup: write the backup into a file, or correct the pattern"
        )
        assert (found.state, found.reason) == (ItemState.UNKNOWN, says)


def test_missing_is_not_the_same_as_a_directory_that_cannot_be_seen(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no backup")
    missing = look(tmp_path, pattern="*.dump")
    assert (missing.state, "no backup" in missing.reason) == (ItemState.BAD, True)
    away = look(tmp_path / "not-mounted")
    assert (away.state, "mount it" in away.reason) == (ItemState.UNKNOWN, True)


def test_what_says_nothing_of_the_backup(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.sql", tmp_path / "shop.sql")
    put(dumps / "shop.dump", tmp_path / "shop.dump")
    (tmp_path / "shop.dir").mkdir()
    (tmp_path / "shop.gpg").write_bytes(b"Salted__" + bytes(100))
    (tmp_path / "shop.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    for name in ("shop.gpg", "shop.zst"):
        aged(tmp_path / name, HOUR)
    plain, custom = BackupKind.PLAIN, BackupKind.CUSTOM
    for pattern, kind, more, says in (
        ("shop.sql", custom, {}, "write kind: plain"),
        ("shop.dump", plain, {}, "write kind: custom"),
        ("shop.dir", custom, {}, "write kind: directory"),
        ("shop.dump", BackupKind.DIRECTORY, {}, "write kind: custom or plain"),
        ("shop.dump", custom, {"pg_restore": "/nowhere/pg_restore"}, "install the client programs"),
        ("shop.dump", custom, {"pg_restore": "/bin/ls"}, "is not the pg_restore of PostgreSQL"),
        ("shop.gpg", plain, {}, "encrypted"),
        ("shop.zst", plain, {}, "zstd"),
    ):
        found = look(tmp_path, kind, pattern=pattern, **more)
        assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason


@pytest.mark.parametrize(
    ("begins", "says"),
    [(b"Salted__", "encrypted"), (b"\x85\x01\x0c\x03", "encrypted"), (b"\x28\xb5\x2f\xfd", "zstd")],
)
def test_an_archive_that_was_encrypted_or_compressed_afterwards_is_not_called_damaged(
    tmp_path: Path, begins: bytes, says: str
) -> None:
    (tmp_path / "shop.dump").write_bytes(begins + bytes(3000))
    aged(tmp_path / "shop.dump", HOUR)
    found = look(tmp_path)
    assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason


def test_an_archive_that_gzip_compressed_once_more(dumps: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.dump.gz").write_bytes(gzip.compress((dumps / "shop.dump").read_bytes()))
    aged(tmp_path / "shop.dump.gz", HOUR)
    found = look(tmp_path)
    assert (found.state, "compressed once more" in found.reason) == (ItemState.UNKNOWN, True), found.reason


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_archive_that_is_called_plain_is_a_mistake_of_the_configuration(
    dumps: Path, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "shop.sql.gz").write_bytes(compress((dumps / "shop.dump").read_bytes()))
    aged(tmp_path / "shop.sql.gz", HOUR)
    found = look(tmp_path, BackupKind.PLAIN)
    assert (found.state, "write kind: custom" in found.reason) == (ItemState.UNKNOWN, True), found.reason


def test_a_program_that_is_older_than_the_backup(dumps: Path, tmp_path: Path) -> None:
    content = bytearray((dumps / "shop.dump").read_bytes())
    content[6] = 99  # the minor version of the archive's format
    (tmp_path / "shop.dump").write_bytes(content)
    aged(tmp_path / "shop.dump", HOUR)
    found = look(tmp_path)
    assert (found.state, "newer pg_dump" in found.reason) == (ItemState.UNKNOWN, True), found.reason


def test_a_program_that_hangs_is_ended(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "shop.dump")
    program = tmp_path / "pg_restore"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    found = look(tmp_path, pattern="*.dump", pg_restore=str(program), read_within=timedelta(seconds=0.5))
    assert (found.state, "raise read_within" in found.reason) == (ItemState.UNKNOWN, True)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
