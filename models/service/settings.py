"""Which settings of its env file the configuration of a service allows to be changed, and to what."""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.service.costs import Limit
from models.service.service import Service


def may_be_set(key: str, value: str, service: Service) -> bool:
    """Whether the product may write this setting: the size of the pool, the limit of the heap, what saves.

    Of a heap's setting its limit is judged alone: the edit of the file compares its other options.
    """
    pool, heap = service.pool, service.heap_limit
    if pool and (key, value) == (pool.key, str(pool.value)):
        return True
    if heap and key == heap.key and value == heap.raised(value):
        return True
    return any(_saves(value, limit) for limit in _limits(key, service))


def _limits(key: str, service: Service) -> Iterator[Limit]:
    if service.costs:
        for settings in (service.costs.settings, *(one.settings for one in service.costs.apis.values())):
            if key in settings:
                yield settings[key]


def _saves(value: str, limit: Limit) -> bool:
    """As little as it may be changed to; or what stands in the file already, and saves more."""
    try:
        number = float(value)
    except ValueError:
        return False
    allowed = number > 0 or number in (limit.at_most, limit.at_least)
    return math.isfinite(number) and allowed and limit.saves(number) is None
