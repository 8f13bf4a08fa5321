"""The retention of a real Prometheus, by its flags and its data."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.monitoring.prometheus import Prometheus
from activities.retention.retention import LookAtRetention, RetentionActivities
from models.checks.item import ItemResult, ItemState
from tests.integration.week.conftest import samples
from tests.parts.servers.prometheus_server import prometheus_with
from tests.parts.servers.sockets import closed_port


async def look(prometheus: Prometheus, url: str, wanted: timedelta) -> ItemResult:
    found: ItemResult = await ActivityEnvironment().run(
        RetentionActivities(prometheus).look_at_retention, LookAtRetention(prometheus=url, wanted=wanted)
    )
    return found


async def test_what_is_kept_by_default(prometheus: Prometheus, url: str) -> None:
    enough = await look(prometheus, url, timedelta(hours=12))
    assert (enough.state, enough.reason) == (
        ItemState.OK,
        "it keeps 15 days, and its data go back 12 h or more",
    )
    less = await look(prometheus, url, timedelta(days=20))
    assert less.state is ItemState.BAD
    assert less.reason.endswith("start it with --storage.tsdb.retention.time=20d")
    assert less.figures[0].value == 15


@pytest.mark.parametrize(
    ("flags", "state", "says"),
    [
        (("--storage.tsdb.retention.time=2d",), ItemState.BAD, "keeps 2 days, and 10 days are wanted"),
        (("--storage.tsdb.retention.size=1GB",), ItemState.OK, "it keeps 1 GiB; its data go back 1"),
    ],
)
async def test_what_is_set(
    prometheus: Prometheus, tmp_path: Path, flags: tuple[str, ...], state: ItemState, says: str
) -> None:
    with prometheus_with(samples(int(time.time())), tmp_path, flags=flags) as url:
        found = await look(prometheus, url, timedelta(days=10))
        assert (found.state, says in found.reason) == (state, True), found.reason


@pytest.mark.parametrize(
    ("runs_for", "state", "says"),
    [
        (timedelta(days=30), ItemState.ATTENTION, "while what it watches runs for 30"),
        (timedelta(minutes=50), ItemState.OK, "if it is not new, its volume is not kept"),
        (None, ItemState.OK, "if it is not new, its volume is not kept"),
    ],
)
async def test_one_that_lost_its_volume_while_the_services_ran_on(
    prometheus: Prometheus, tmp_path: Path, runs_for: timedelta | None, state: ItemState, says: str
) -> None:
    now = int(time.time())
    times = range(now - 3600, now + 300, 60)
    lines = ["# TYPE up gauge", *(f'up{{job="shop"}} 1 {at}' for at in times)]
    if runs_for is not None:
        start = now - runs_for.total_seconds()
        lines += ["# TYPE process_start_time_seconds gauge"]
        lines += [f'process_start_time_seconds{{job="shop"}} {start} {at}' for at in times]
    with prometheus_with("\n".join([*lines, "# EOF", ""]), tmp_path) as url:
        found = await look(prometheus, url, timedelta(days=10))
    assert (found.state, says in found.reason) == (state, True), found.reason


async def test_a_server_without_data(prometheus: Prometheus, tmp_path: Path) -> None:
    with prometheus_with("# TYPE other gauge\nother 1 1700000000\n# EOF\n", tmp_path) as url:
        found = await look(prometheus, url, timedelta(days=10))
        assert (found.state, "no data of any target" in found.reason) == (ItemState.UNKNOWN, True)


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("flags", '{"status": "success", "data": {"enable-feature": "agent"}}', "is an agent"),
        ("flags", "<html>", "not that of Prometheus"),
        ("flags", '{"status": "success", "data": [1]}', "ask the store"),
        ("other", "", "answered 500"),
    ],
)
async def test_what_cannot_tell_is_unknown(
    prometheus: Prometheus, httpserver: HTTPServer, path: str, body: str, says: str
) -> None:
    httpserver.expect_request(f"/api/v1/status/{path}").respond_with_data(body)
    found = await look(prometheus, httpserver.url_for("/"), timedelta(days=15))
    assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason


async def test_a_server_that_is_away_is_unknown(prometheus: Prometheus) -> None:
    found = await look(prometheus, f"http://127.0.0.1:{closed_port()}", timedelta(days=15))
    assert (found.state, "refused" in found.reason) == (ItemState.UNKNOWN, True)
