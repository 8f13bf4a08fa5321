"""The samples that are kept of a verification: bounded, in order, and with every failure in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import example, given
from hypothesis import strategies as st

from activities.health.health_seen import HealthSeen
from models.evidence.evidence import MOST_PROBES, Evidence, Finding, Probe, Probes, VerificationResult

BEGAN = datetime(2026, 11, 23, 3, 16, 40, tzinfo=UTC)
SAMPLES = st.lists(
    st.tuples(st.sampled_from(Finding), st.none() | st.floats(0, 60), st.floats(-5, 30)), max_size=400
)
Sample = tuple[Finding, float | None, float]


def seen_as(finding: Finding, latency: float | None = None) -> HealthSeen:
    """What a probe found; without a latency nobody answered."""
    status = None if latency is None else 200
    return HealthSeen(finding=finding, status=status, latency=latency)


def sampled(samples: list[Sample]) -> Probes:
    """What is kept of them; each comes so many seconds after the one before."""
    probes, at = Probes(), BEGAN
    for finding, latency, later in samples:
        at += timedelta(seconds=later)
        probes = probes.having(seen_as(finding, latency), at)
    return probes


@given(SAMPLES)
@example([(Finding.OK, 0.01, 1.0)] * (2 * MOST_PROBES + 1))
def test_however_many_there_are_few_are_kept_and_none_is_lost(samples: list[Sample]) -> None:
    kept = sampled(samples)
    assert min(len(samples), MOST_PROBES // 2) <= len(kept.points) <= MOST_PROBES
    behind = kept.each * max(0, len(kept.points) - 1) + kept.newest
    assert behind == len(samples), "each sample stands behind a point"
    times = [one.after for one in kept.points]
    assert times == sorted(times)
    for place, point in enumerate(kept.points):
        group = samples[kept.each * place : kept.each * (place + 1)]
        values = [
            None if one is None else round(1000 * one, 2) for found, one, _ in group if found is point.finding
        ]
        assert point.value in values, "it is one of those that it stands for"
        assert point.finding is min((found for found, _, _ in group), key=["bad", "unknown", "ok"].index)
        assert all(one is None or one <= (point.value or 0) for one in values)


@given(SAMPLES)
def test_another_worker_goes_on_with_what_a_heartbeat_brought(samples: list[Sample]) -> None:
    half = len(samples) // 2
    carried = Probes.model_validate(json.loads(sampled(samples[:half]).model_dump_json()))
    at = BEGAN + timedelta(seconds=sum(later for _, _, later in samples[:half]))

    def more(probes: Probes, sample: Sample) -> Probes:
        nonlocal at
        at += timedelta(seconds=sample[2])
        return probes.having(seen_as(*sample[:2]), at)

    assert reduce(more, samples[half:], carried) == sampled(samples)


def test_a_heartbeat_stays_small() -> None:
    kept = sampled([(Finding.UNKNOWN, 59.99999, 29.9)] * 20_000)
    assert len(kept.model_dump_json()) < 3_000


def test_what_was_seen_before_stands_beside_them_where_it_is_of_the_same_kind() -> None:
    kept = sampled([(Finding.OK, 0.01, 1.0)])
    slow = seen_as(Finding.BAD, 2.3).model_copy(update={"observed_at": BEGAN - timedelta(seconds=93)})
    assert kept.beside(slow).before == Probe(-94.0, Finding.BAD, 2300.0)
    late = slow.model_copy(update={"observed_at": BEGAN + timedelta(hours=1)})
    refused = slow.model_copy(update={"status": None})
    for no_use in (late, refused, Evidence(finding=Finding.BAD, observed_at=BEGAN - timedelta(seconds=9))):
        assert kept.beside(no_use).before is None
    assert Probes().beside(slow) == Probes()


def test_a_result_of_before_there_were_samples_reads_as_one_without() -> None:
    old = {"finding": "ok", "reason": "healthy for 5 min", "samples": 60, "healthy": 60}
    assert VerificationResult.model_validate(old).probes == Probes()
