"""A month of figures that the backend might have had, for a Prometheus that has just been started.

The load has its hours and its weekends, the cost and the database grow, and an hour of this week had errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, pi, sin

DAY = 24 * 3600
EVERY = 300
DAYS = 31
"""Of a month."""
GIB = 2**30
SIZE_LIMIT = "64g"
BUDGET = 1200
"""Dollars a day."""
_TIMES = "http_request_duration_seconds"
_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_ROUTES = {"/api/products/count": 0.6, "/api/videos/ideas": 0.4}
_TROUBLE = (3.2 * DAY, 3.25 * DAY)
"""Seconds ago."""


def samples(now: float, days: int, instance: str) -> str:
    """In the text format of OpenMetrics, every five minutes of the last days."""
    moments = [now - ago for ago in range(days * DAY, 0, -EVERY)]
    return "".join(f"{line}\n" for line in (*_lines(now, moments, instance), "# EOF"))


def _lines(now: float, moments: list[float], instance: str) -> Iterator[str]:
    backend = f'instance="{instance}",job="backend",service="backend"'
    loads = [_load(moment) * EVERY for moment in moments]
    for route, share in _ROUTES.items():
        labels = f'{backend},route="{route}",method="GET"'
        failed = [share * load * _failing(now - moment) for moment, load in zip(moments, loads, strict=True)]
        good = [share * load - bad for load, bad in zip(loads, failed, strict=True)]
        yield from _counter(f'http_requests_total{{{labels},status="200"}}', moments, good)
        yield from _counter(f'http_requests_total{{{labels},status="500"}}', moments, failed)
        means = [_mean(now - moment) for moment in moments]
        for bound in _BOUNDS:
            below = [share * load * (1 - exp(-bound / mean)) for load, mean in zip(loads, means, strict=True)]
            yield from _counter(
                f'http_request_duration_seconds_bucket{{{labels},le="{bound}"}}', moments, below
            )
        every = [share * load for load in loads]
        yield from _counter(f'{_TIMES}_bucket{{{labels},le="+Inf"}}', moments, every)
        yield from _counter(f"{_TIMES}_count{{{labels}}}", moments, every)
    for name, dollars in (("openai", 520.0), ("pika", 240.0)):
        spent = [dollars * _grown(now - moment) * EVERY / DAY for moment in moments]
        yield from _counter(
            f'affiliate_api_cost_dollars{{{backend},exported_service="{name}"}}', moments, spent
        )
    videos = [40 * _grown(now - moment) * EVERY / DAY for moment in moments]
    yield from _counter(f"videos_made_total{{{backend}}}", moments, videos)
    sizes = [40 * GIB * _grown(now - moment) for moment in moments]
    yield from _gauge('pg_database_size_bytes{job="postgres",service="postgres"}', moments, sizes)
    heap = [(0.35 + 0.1 * _load(moment) / 12) * GIB for moment in moments]
    yield from _gauge(f"nodejs_heap_used_bytes{{{backend}}}", moments, heap)
    yield from _gauge(f"nodejs_heap_size_limit_bytes{{{backend}}}", moments, [GIB] * len(moments))
    yield from _gauge(f"up{{{backend}}}", moments, [1.0] * len(moments))
    in_trouble = [moment for moment in moments if _failing(now - moment) > 0.05]
    alert = 'alertname="HighErrorRate",alertstate="firing",service="backend",severity="critical"'
    yield from _gauge(f"ALERTS{{{alert}}}", in_trouble, [1.0] * len(in_trouble))


def _load(moment: float) -> float:
    """Requests a second: least at midnight, less on Saturdays and Sundays."""
    by_hour = 1 + 0.6 * sin(2 * pi * (moment % DAY) / DAY - pi / 2)
    return 8 * by_hour * (0.7 if (moment // DAY + 4) % 7 in (0, 6) else 1)


def _failing(ago: float) -> float:
    return 0.12 if _TROUBLE[0] < ago < _TROUBLE[1] else 0.002


def _mean(ago: float) -> float:
    """Seconds: slower from week to week, and a little every afternoon."""
    return 0.03 * _grown(ago) * (1 + 0.2 * sin(2 * pi * (ago % DAY) / DAY))


def _grown(ago: float) -> float:
    """A quarter more at the end than a month before, with some noise that is always the same."""
    day = int(ago // DAY)
    return 1 + 0.25 * (1 - ago / (DAYS * DAY)) + 0.02 * sin(day * day * 12.9898)


def _counter(series: str, moments: list[float], added: list[float]) -> Iterator[str]:
    total = 0.0
    for moment, more in zip(moments, added, strict=True):
        total += more
        yield f"{series} {total:.4f} {moment:.0f}"


def _gauge(series: str, moments: list[float], values: list[float]) -> Iterator[str]:
    return (f"{series} {value:.0f} {moment:.0f}" for moment, value in zip(moments, values, strict=True))
