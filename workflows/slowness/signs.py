"""What speaks for a service that is slow for want of memory or CPU, and what against it."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from workflows.diagnosis.situation import Situation

GREW = 1.5
"""So many times the usual traffic is more than usual."""
HALF = 0.5
"""The share of the CPU under which there is room."""
MANY = 3
"""Of so many routes one that alone is slow is not slow for want of memory or CPU."""


def short_of_memory(now: Situation) -> bool:
    """The heap is full even after its garbage was collected, or much time goes into collecting."""
    memory = now[looks.memory]
    full = memory.floor is not None and memory.full is not None and memory.floor >= memory.full
    return full or now[looks.collecting].bad or now[looks.process].at_its_limit


def not_its_memory(now: Situation) -> bool:
    """It has just started, hardly collects any garbage, or one route alone is slow."""
    started, seen_at, metrics = (
        now[looks.process].started_at,
        now[looks.process].observed_at,
        now.service.metrics,
    )
    young = bool(started and seen_at and metrics and seen_at - started < metrics.window)
    share = now[looks.collecting].share
    little = share is not None and metrics is not None and share < metrics.latency.collecting_much / 5
    return young or little or one_route_alone(now)


def one_route_alone(now: Situation) -> bool:
    seen = now[looks.latency]
    return len(seen.routes) == 1 and seen.routes_seen >= MANY


def traffic_grew(now: Situation) -> bool:
    traffic, usual = now[looks.latency].traffic, now[looks.latency].usual_traffic
    return traffic is not None and usual is not None and usual > 0 and traffic >= GREW * usual


def cpu_is_idle(now: Situation) -> bool:
    cores, metrics = now[looks.cpu].cores, now.service.metrics
    return cores is not None and metrics is not None and cores < HALF * metrics.cpu_full


def cpu_is_full(now: Situation) -> bool:
    return now[looks.cpu].bad


def not_its_work(now: Situation) -> bool:
    """Its time goes into collecting garbage, there is more to do, or one route alone is slow."""
    return now[looks.collecting].bad or traffic_grew(now) or one_route_alone(now)
