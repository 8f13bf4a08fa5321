"""The shipped rule of ProductionSlow, and the expressions of the time to answer, with known numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.monitoring.test_rules import EVERY, SHIPPED, Series, expect, firing, rules, value


def answers(within: int, late: int, route: str = "/checkout", job: str = "backend") -> Series:
    """So many answers within a second in each step, and so many that took from one to two."""
    of = f'job="{job}",route="{route}"'
    bounds = {"0.5": 0, "1": within, "2": within + late, "+Inf": within + late}
    buckets = {
        f'http_request_duration_seconds_bucket{{{of},le="{bound}"}}': f"0+{count}x100"
        for bound, count in bounds.items()
    }
    return {**buckets, f"http_request_duration_seconds_count{{{of}}}": f"0+{within + late}x100"}


def test_what_is_slow_is_judged_by_the_alert_as_by_the_runbook() -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    expression, _, threshold = rules()["ProductionSlow"]["expr"].rpartition(">")
    assert expression.split() == metrics.latency.p95.split()
    assert float(threshold) == metrics.latency.threshold.total_seconds()


def test_late_answers_fire(tmp_path: Path) -> None:
    said = "5 % of the requests of the last 5 minutes took longer than 1.5s."
    expect(tmp_path, answers(90, 10), "ProductionSlow", firing("ProductionSlow", said))


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(answers(96, 4), id="4 % are late"),
        pytest.param(answers(95, 5), id="5 % are not more than 5 %"),
        pytest.param(answers(0, 0), id="no traffic"),
        pytest.param({}, id="no series"),
        pytest.param(answers(0, 9, job="somebody-else"), id="another job"),
        pytest.param({**answers(9, 0), **answers(0, 9, route="/metrics")}, id="slow scrapes"),
    ],
)
def test_few_late_answers_and_no_traffic_do_not_fire(tmp_path: Path, series: Series) -> None:
    expect(tmp_path, series, "ProductionSlow")


def test_the_time_to_answer_is_known_as_shipped(tmp_path: Path) -> None:
    metrics = SHIPPED.services["backend"].metrics
    assert metrics is not None
    series, latency = {**answers(90, 10), **answers(900, 0, route="/health")}, metrics.latency
    value(tmp_path, series, f"round({latency.p95}, 0.01)", ("{}", 1.5))
    value(tmp_path, series, f"round({latency.p99}, 0.01)", ("{}", 1.9))
    value(tmp_path, series, f"round({latency.by_route}, 0.01)", ('{route="/checkout"}', 1.5))
    value(tmp_path, series, latency.traffic, ("{}", 100 / EVERY))
    rates = [("0.5", 0.0), ("1", 6.0), ("2", 100 / EVERY), ("+Inf", 100 / EVERY)]
    value(tmp_path, series, latency.buckets, *((f'{{le="{bound}"}}', rate) for bound, rate in rates))
    collecting = {
        f'nodejs_gc_duration_seconds_sum{{job="backend",instance="a",kind="{kind}"}}': "0+3x100"
        for kind in ("major", "minor")
    }
    value(tmp_path, collecting, latency.collecting, ("{}", 0.4))
