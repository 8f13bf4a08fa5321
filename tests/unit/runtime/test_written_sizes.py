"""A size or a duration in letters or digits that only look like ours is a mistake, and no value."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.base import parse_duration, parse_size


@pytest.mark.parametrize("size", ["\uff11g", "\u0663g", "1\u212a", "\u00b2g", "1\uff47"])
def test_a_look_alike_is_no_size(size: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(size)


@pytest.mark.parametrize("duration", ["\uff11m", "\u0663h", "1h\uff130m"])
def test_a_look_alike_is_no_duration(duration: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(duration)


def test_what_is_written_in_plain_digits_is_read() -> None:
    assert (parse_size("1.5 GiB"), parse_size("512m"), parse_size("4K")) == (3 * 2**29, 2**29, 4096)
    assert parse_duration("1h30m") == timedelta(minutes=90)
