"""README's picture of the board can be taken anew, by its script, in a real browser."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from demo.parts.loopback import is_installed
from demo.picture import FILE, SIZE, take
from tests.parts.requirements import missing

LARGEST = 150 * 1024
"""Bytes: it is loaded by everybody who opens the page of the repository."""


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG: https://www.w3.org/TR/png-3/#11IHDR."""
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


async def test_it_is_taken_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not is_installed("chromium"):
        missing("chromium is not installed: apt-get install chromium")
    picture, work = tmp_path / "board.png", tmp_path / "work"
    work.mkdir()
    await take(picture, work)
    for one in (picture, FILE):
        width, height = size_of(one)
        assert width == SIZE["width"]
        assert SIZE["height"] < height < 2 * width
        assert one.stat().st_size <= LARGEST
