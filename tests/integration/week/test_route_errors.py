"""Errors by route, out of a real Prometheus, this week against the one before."""

from __future__ import annotations

import pytest
from temporalio.testing import ActivityEnvironment

from activities.errors_history.route_errors import LookAtRouteErrors, RouteErrorActivities
from activities.monitoring.prometheus import Prometheus
from models.checks.item import ItemResult, ItemState
from models.service.surroundings import ErrorMetrics
from tests.integration.week.conftest import OVER
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port


async def look(prometheus: Prometheus, url: str, job: str, **more: str) -> ItemResult:
    samples = more.pop("samples", f'http_requests_total{{job="{job}"}}')
    metrics = ErrorMetrics(prometheus=url, samples=samples)
    service = docker_service(job, metrics=metrics).model_copy(update={"name": job})
    asked = LookAtRouteErrors(service=service, over=OVER, **more)
    found: ItemResult = await ActivityEnvironment().run(
        RouteErrorActivities(prometheus).look_at_route_errors, asked
    )
    return found


async def test_each_route_against_the_week_before(prometheus: Prometheus, url: str) -> None:
    found = await look(prometheus, url, "shop")
    trends = {row[0]: row[5] for row in found.tables[0].rows}
    assert trends == {
        "/api/worse": "worse",
        "/api/same": "as before",
        "/api/new": "new",
        "/api/gone": "gone",
        "/api/rare": "too little traffic",
    }
    assert found.state is ItemState.ATTENTION
    assert found.reason.startswith("/api/worse failed in 4.3")
    assert "in the week before" in found.reason
    for says in ("new: /api/new", "gone: /api/gone", "too little traffic to say anything: /api/rare"):
        assert says in found.details
    by_route, by_day = found.charts
    assert (len(by_route.series), len(by_day.labels)) == (2, 7)
    assert by_day.series[0].values[3] == pytest.approx(100 * 1.36 / 46.4, rel=0.05)


async def test_a_route_over_the_threshold_is_bad_and_names_its_service(
    prometheus: Prometheus, url: str
) -> None:
    found = await look(prometheus, url, "broken")
    assert (found.state, found.services) == (ItemState.BAD, ("broken",))
    assert found.reason.startswith("/api/a failed in 16.7 %")


async def test_what_got_better_is_fine(prometheus: Prometheus, url: str) -> None:
    found = await look(prometheus, url, "fine")
    assert (found.state, found.tables[0].rows[0][5]) == (ItemState.OK, "better")


async def test_without_a_week_before_there_is_no_trend(prometheus: Prometheus, url: str) -> None:
    found = await look(prometheus, url, "fresh")
    assert found.state is ItemState.OK
    assert "there are no data of the week before: no trend" in found.details


async def test_what_is_no_number_is_unknown(prometheus: Prometheus, url: str) -> None:
    silent = await look(prometheus, url, "silent")
    assert (silent.state, silent.reason) == (ItemState.UNKNOWN, "no route had 30 requests within 7 h")
    nothing = await look(prometheus, url, "nothing")
    assert (nothing.state, "no requests of nothing" in nothing.reason) == (ItemState.UNKNOWN, True)
    away = await look(prometheus, f"http://127.0.0.1:{closed_port()}", "shop")
    assert (away.state, "refused" in away.reason) == (ItemState.UNKNOWN, True)


async def test_a_label_of_another_name_is_asked_for(prometheus: Prometheus, url: str) -> None:
    odd = await look(prometheus, url, "odd", samples="odd_total")
    assert odd.state is ItemState.UNKNOWN
    assert "checks.weekly.status_label; there are code, job, route" in odd.reason
    named = await look(prometheus, url, "odd", samples="odd_total", status="code")
    assert named.state is ItemState.OK, named.reason
