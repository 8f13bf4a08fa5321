"""Env files on a real disk: replaced whole, with their mode and owner, and never over a stranger's edit."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.files.env_files import MOST_BYTES, FileTrouble, keep, read, replace

ASKED = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_bytes(b"PORT=1\r\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    return path


def test_a_file_is_replaced_with_its_mode_and_owner(env: Path) -> None:
    before = env.stat()
    file = read(str(env))
    after = replace(file, "PORT=2\r\n")
    assert env.read_bytes() == b"PORT=2\r\n"
    now = env.stat()
    assert stat.S_IMODE(now.st_mode) == 0o640
    assert (now.st_uid, now.st_gid) == (before.st_uid, before.st_gid)
    assert now.st_ino != before.st_ino  # another file in its place: a reader has one of them whole
    assert after.text == "PORT=2\r\n"
    assert [one.name for one in env.parent.iterdir()] == [".env"]


def test_the_backup_stands_beside_it_and_is_as_private(env: Path) -> None:
    file = read(str(env))
    backup = file.backup(ASKED)
    keep(file, backup)
    assert backup == env.with_name(".env.20260102T030405.678901Z.bak")
    assert backup.read_bytes() == b"PORT=1\r\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert backup.stat().st_uid == env.stat().st_uid


def test_an_edit_of_somebody_else_is_not_written_over(env: Path) -> None:
    file = read(str(env))
    env.write_text("PORT=3\n")
    with pytest.raises(FileTrouble, match="changed by somebody else"):
        replace(file, "PORT=2\n")
    assert env.read_text() == "PORT=3\n"


def test_a_link_in_the_place_of_the_file_or_of_its_directory_is_refused(env: Path, tmp_path: Path) -> None:
    link, directory = tmp_path / "current", tmp_path / "directory"
    link.symlink_to(env)
    directory.symlink_to(env.parent)
    for name in (link, directory / ".env"):
        with pytest.raises(FileTrouble, match=r"symbolic link.*write the path of the file itself"):
            read(str(name))
    assert read(str(env)).text == "PORT=1\r\n"


def test_a_fifo_or_a_device_is_refused_and_nobody_waits_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in (str(pipe), "/dev/zero"):
        with pytest.raises(FileTrouble, match="it is not a regular file"):
            read(name)


def test_a_file_that_becomes_a_link_after_it_was_read_is_not_written_through(
    env: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"PORT=1\r\n")
    file = read(str(env))
    env.unlink()
    env.symlink_to(other)
    with pytest.raises(FileTrouble, match="symbolic link"):
        replace(file, "PORT=2\n")
    assert other.read_bytes() == b"PORT=1\r\n"


def test_what_cannot_be_read_is_told_with_its_cure(env: Path, tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for name, why in (
        (f"{tmp_path}/none.env", "No such file or directory.*correct env_file"),
        (str(tmp_path), "it is not a regular file"),
        (f"{env}/x", "Not a directory"),
        (str(circle), "it is a symbolic link"),
        ("a\0b", "is not a valid path"),
        ("/dev/null", "not a regular file"),
    ):
        with pytest.raises(FileTrouble, match=why):
            read(name)
    env.write_bytes(b"PORT=\xff\n")
    with pytest.raises(FileTrouble, match="not text in UTF-8"):
        read(str(env))
    env.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(FileTrouble, match="larger than an env file"):
        read(str(env))


def test_a_directory_that_takes_no_file_leaves_everything_as_it_was(env: Path) -> None:
    file = read(str(env))
    long_name = env.with_name("n" * 300)
    with pytest.raises(FileTrouble, match=r"cannot write .*File name too long"):
        keep(file, long_name)
    assert [one.name for one in env.parent.iterdir()] == [".env"]
