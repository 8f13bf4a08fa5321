"""What a container uses, out of the statistics of its engine."""

from __future__ import annotations

import pytest

from activities.managers.docker_reading import usage_of

MIB = 2**20


@pytest.mark.parametrize("cache", ["inactive_file", "total_inactive_file"], ids=["cgroup v2", "cgroup v1"])
def test_memory_in_use_is_without_the_page_cache(cache: str) -> None:
    stats = {"memory_stats": {"usage": 900 * MIB, "stats": {cache: 650 * MIB}}}
    assert usage_of(stats, {}).memory_used == 250 * MIB


def test_an_engine_that_tells_nothing_is_not_zero() -> None:
    assert usage_of({}, {}).memory_used is None
