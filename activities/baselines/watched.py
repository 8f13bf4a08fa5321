"""What each threshold watches: the ones that the configuration has of a service, and those of alert rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from activities.baselines.measure import Threshold
from activities.baselines.rules import AlertRule
from models.configuration.monthly import ThresholdSettings
from models.service.costs import WINDOW, Costs
from models.service.service import Service
from models.service.surroundings import ErrorMetrics


@dataclass(frozen=True)
class Watched:
    """What one threshold watches: PromQL that gives one series."""

    name: str
    threshold: Threshold
    url: str
    query: str
    step: timedelta
    unit: str = ""
    alert: str = ""
    """Whose incidents do not count; by default those of the service."""


def of_service(service: Service, settings: ThresholdSettings) -> Iterator[Watched]:
    """Error ratio, p95, heap and CPU where metrics are configured; the budget where costs are."""
    if service.metrics:
        yield from _of_metrics(service.metrics, settings)
    if service.costs:
        yield _of_costs(service.costs)


def _of_metrics(metrics: ErrorMetrics, settings: ThresholdSettings) -> Iterator[Watched]:
    enough = max(metrics.min_rate, metrics.min_requests / metrics.window.total_seconds())
    rows = (
        ("error ratio", with_traffic(metrics.ratio, metrics.traffic, enough), metrics.threshold, "%"),
        (
            "p95",
            with_traffic(metrics.latency.p95, metrics.latency.traffic, enough),
            metrics.latency.threshold.total_seconds(),
            "s",
        ),
        ("heap share", metrics.heap, metrics.memory.full, "%"),
        ("CPU", metrics.cpu, metrics.cpu_full, "cores"),
    )
    for name, query, value, unit in rows:
        if query:
            threshold = Threshold(value, settings.lasts, share=unit == "%")
            yield Watched(name, threshold, metrics.prometheus, query, settings.every, unit)


def with_traffic(query: str, traffic: str, enough: float) -> str:
    """Only the points with enough traffic to say something."""
    return f"({query}) and on() (({traffic}) >= {enough:g})" if query and traffic else query


def _of_costs(costs: Costs) -> Watched:
    """One point for each time that the budget is for; of a total that grows in that time, more of them."""
    spent = costs.total or costs.spent.replace(WINDOW, f"{round(costs.per.total_seconds())}s")
    step = costs.per / 24 if costs.total else costs.per
    return Watched("cost", Threshold(costs.budget), costs.prometheus, f"sum({spent})", step, "$")


def of_rule(rule: AlertRule, prometheus: str, settings: ThresholdSettings) -> Watched:
    """An alert rule that compares; of its series the worst."""
    compares = rule.compares
    assert compares is not None, "only rules that compare are measured"  # noqa: S101
    threshold = Threshold(compares.threshold, rule.lasts, compares.above, compares.inclusive)
    return Watched(rule.name, threshold, prometheus, compares.worst, settings.every, alert=rule.name)
