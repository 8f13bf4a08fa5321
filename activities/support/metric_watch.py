"""Verifies by a metric of the service: sampled as the configuration of its metrics says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from activities.support.stability import Pace
from activities.support.watch import watch
from models.evidence.evidence import Evidence, VerificationRequest, VerificationResult
from models.service.surroundings import ErrorMetrics

SAMPLE_EVERY = timedelta(seconds=5)


async def watch_metric(
    request: VerificationRequest,
    sample: Callable[[ErrorMetrics], Awaitable[Evidence]],
    well: Callable[[ErrorMetrics], str],
) -> VerificationResult:
    """Sample until there is a verdict; `well` says what was proven. `unknown` without configured metrics."""
    metrics = request.service.metrics
    if metrics is None:
        reason = f"no metrics are configured for {request.service.name}"
        return VerificationResult(reason=reason, observed_at=datetime.now(UTC))
    pace = Pace(
        every=min(SAMPLE_EVERY, request.stable_for / 3),
        settle=metrics.settle,
        stable_for=request.stable_for,
        well=well(metrics),
    )
    return await watch(lambda: sample(metrics), pace)
