"""A backup compressed by xz is read as it is, and in bounded memory, whatever its writer asks for."""

from __future__ import annotations

import io
import lzma
import zlib

import pytest

from activities.backups.xz import NeedsTooMuch, XzContent

TEXT = b"".join(b"line %d of a dump\n" % number for number in range(200_000))


def read(content: bytes) -> bytes:
    return io.BufferedReader(XzContent(io.BytesIO(content))).read()


def with_dictionary(content: bytes, code: int) -> bytes:
    """The same stream whose first block asks for a dictionary of another size (xz file format, 5.3.1)."""
    end = 12 + (content[12] + 1) * 4 - 4
    header = bytearray(content[12:end])
    header[header.index(b"\x21\x01") + 2] = code
    return content[:12] + bytes(header) + zlib.crc32(header).to_bytes(4, "little") + content[end + 4 :]


@pytest.mark.parametrize("preset", [0, 6, 9])
def test_what_was_written_is_read(preset: int) -> None:
    assert read(lzma.compress(TEXT, preset=preset)) == TEXT


@pytest.mark.parametrize("padding", [0, 8, 200_000])
def test_streams_one_after_the_other_with_padding_are_one_file(padding: int) -> None:
    half, zeros = len(TEXT) // 2, bytes(padding)
    assert read(lzma.compress(TEXT[:half]) + zeros + lzma.compress(TEXT[half:]) + zeros) == TEXT


def test_a_cut_file_is_no_whole_one() -> None:
    with pytest.raises(EOFError):
        read(lzma.compress(TEXT)[:-100])


def test_a_damaged_file_is_named() -> None:
    content = bytearray(lzma.compress(TEXT))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(lzma.LZMAError):
        read(bytes(content))


def test_a_dictionary_of_a_gigabyte_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(NeedsTooMuch, match="write it by xz -9"):
        read(with_dictionary(lzma.compress(TEXT), 36))
