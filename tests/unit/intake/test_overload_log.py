"""A flood of connections is not a flood of log lines."""

from __future__ import annotations

import logging

import pytest

from intake.http.connections import OVERLOADS, OverloadLogLimit


def record(text: str) -> logging.LogRecord:
    trouble = OSError(24, "Too many open files")
    return logging.LogRecord("asyncio", logging.ERROR, __file__, 1, text, (), (type(trouble), trouble, None))


@pytest.mark.parametrize("kind", OVERLOADS)
def test_of_many_records_one_is_written_without_its_traceback(kind: str) -> None:
    limit = OverloadLogLimit(every=60)
    records = [record(f"{kind}\nsocket: <asyncio.TransportSocket fd={number}>") for number in range(2048)]
    written = [one for one in records if limit.filter(one)]
    assert written == records[:1]
    assert written[0].exc_info is None


def test_each_kind_is_written_and_so_is_it_again_a_while_later() -> None:
    limit = OverloadLogLimit(every=0)
    assert all(limit.filter(record(kind)) for kind in (*OVERLOADS, *OVERLOADS))
    limit = OverloadLogLimit(every=60)
    assert [limit.filter(record(kind)) for kind in (*OVERLOADS, *OVERLOADS)] == (
        [True] * len(OVERLOADS) + [False] * len(OVERLOADS)
    )


def test_everything_else_is_written_as_it_is() -> None:
    limit = OverloadLogLimit(every=60)
    others = [record("Task exception was never retrieved") for _ in range(3)]
    assert all(limit.filter(one) for one in others)
    assert others[0].exc_info is not None
