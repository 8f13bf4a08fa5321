"""How fast a service answers: the PromQL by which ProductionSlow judges."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from models.base import Configured, Interval

_ASKED = 'route!~"/health|/metrics"'
"""What people ask for: health checks and scrapes are many, and fast."""
_BUCKETS = f"http_request_duration_seconds_bucket{{{_ASKED}}}[5m]"


class LatencyMetrics(Configured):
    """Quantiles of a histogram, in seconds. Sum the buckets by `le` before the quantile is taken."""

    p95: str = f"histogram_quantile(0.95, sum by (le) (rate({_BUCKETS})))"
    p99: str = f"histogram_quantile(0.99, sum by (le) (rate({_BUCKETS})))"
    by_route: str = f"histogram_quantile(0.95, sum by (le, route) (rate({_BUCKETS})))"
    buckets: str = f"sum by (le) (rate({_BUCKETS}))"
    """The buckets behind `p95`, which tell whether it can be known; empty where there are none."""
    traffic: str = f"sum(rate(http_request_duration_seconds_count{{{_ASKED}}}[5m]))"
    by_provider: str = ""
    """The 95 % quantile of the service's own calls, `by (provider)`; empty: each provider is probed."""
    collecting: str = "max(sum by (instance) (rate(nodejs_gc_duration_seconds_sum[5m])))"
    """The share of its time that it spends on collecting garbage."""
    samples: str = "http_request_duration_seconds_count"
    threshold: Interval = timedelta(seconds=1)
    """A slower `p95` is too slow."""
    provider_threshold: Interval = timedelta(seconds=5)
    """A provider whose calls take longer is slow, if they also take twice as long as usual."""
    usual_over: Interval = timedelta(days=1)
    """What is usual is the median of this time."""
    collecting_much: float = Field(default=0.1, gt=0)
    """The share of `collecting` above which it is short of memory."""
    needs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What a route needs: `database`, or a provider by its name. One that is not listed may need anything."""
