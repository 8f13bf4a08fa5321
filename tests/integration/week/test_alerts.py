"""The alerts of a week, out of the series that a real Prometheus keeps of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.alerts_history.alerts import AlertHistoryActivities, LookAtAlerts
from activities.monitoring.prometheus import Prometheus
from demo.parts.waiting import until
from models.checks.item import ItemResult, ItemState
from models.configuration.configuration import Configuration
from tests.integration.week.conftest import OVER
from tests.parts.servers.prometheus_server import prometheus_with
from tests.parts.servers.sockets import closed_port

CONFIGURATION = Configuration.of(
    {"services": {"backend": {"aliases": ["ai-backend"], "manager": {"kind": "docker", "container": "b"}}}},
    (),
)
NO_SAMPLES = "# TYPE other gauge\nother 1 1700000000\n# EOF\n"


async def look(prometheus: Prometheus, url: str, over: timedelta = OVER) -> ItemResult:
    history = AlertHistoryActivities(prometheus, lambda: CONFIGURATION)
    asked = LookAtAlerts(prometheus=url, over=over)
    found: ItemResult = await ActivityEnvironment().run(history.look_at_alerts, asked)
    return found


async def test_how_often_and_for_how_long_each_alert_fired(prometheus: Prometheus, url: str) -> None:
    found = await look(prometheus, url)
    rows = {row[0]: row[1:] for row in found.tables[0].rows}
    assert rows == {
        "Flaps": ("backend", "5", "10 min", "2 min", "1", "noise"),
        "ServiceDown": ("backend", "2", "1 h 30 min", "45 min", "2", ""),
        "StillOn": ("unknown", "1", rows["StillOn"][2], rows["StillOn"][3], "1", "still fires"),
    }
    assert rows["StillOn"][2].startswith(("30 min", "31 min"))
    assert (found.state, found.reason) == (
        ItemState.ATTENTION,
        "Flaps of backend fired 5 times, and was over within 2 min mostly",
    )
    figures = {one.name: one.value for one in found.figures}
    assert (figures["alerts fired"], figures["noisy alerts"]) == (8, 1)
    assert found.charts[0].series[0].values == (5, 2, 1)


async def test_data_that_do_not_go_back_for_the_whole_week_are_told(prometheus: Prometheus, url: str) -> None:
    found = await look(prometheus, url, timedelta(days=2))
    assert any(one.startswith("Prometheus has data of the last 1") for one in found.details), found.details


async def test_a_week_without_alerts_and_a_server_without_rules(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    quiet_rules = "groups: [{name: a, rules: [{alert: A, expr: 'vector(0) > 1'}]}]"
    with prometheus_with(NO_SAMPLES, tmp_path, quiet_rules) as url:
        quiet = await look(prometheus, url)
        assert (quiet.state, quiet.reason) == (ItemState.OK, "no alert fired within 7 h")
    other = tmp_path / "other"
    other.mkdir()
    with prometheus_with(NO_SAMPLES, other) as url:
        blind = await look(prometheus, url)
        assert (blind.state, "no rule" in blind.reason) == (ItemState.UNKNOWN, True)


async def test_an_alert_that_fires_right_now(prometheus: Prometheus, tmp_path: Path) -> None:
    rules = "groups: [{name: a, rules: [{alert: Now, expr: 'vector(1)'}]}]"
    with prometheus_with(NO_SAMPLES, tmp_path, rules, every="1s") as url:

        async def not_yet() -> str:
            found = await look(prometheus, url)
            return "" if found.tables and found.tables[0].rows[0][0] == "Now" else found.reason

        await until("the alert is in the week", not_yet, within=15)
        (row,) = (await look(prometheus, url)).tables[0].rows
        assert (row[1], row[2], row[6]) == ("unknown", "1", "still fires")


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, "who are you?", "answered 401"),
        (200, "<html>log in</html>", "not that of Prometheus"),
        (200, '{"status": "error", "error": "query timed out"}', "query timed out"),
        (503, "", "answered 503"),
    ],
)
async def test_what_cannot_tell_is_unknown(
    prometheus: Prometheus, httpserver: HTTPServer, status: int, body: str, says: str
) -> None:
    httpserver.expect_request("/api/v1/query").respond_with_data(body, status, content_type="text/html")
    found = await look(prometheus, httpserver.url_for("/"))
    assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason


async def test_a_server_that_is_away_is_unknown(prometheus: Prometheus) -> None:
    found = await look(prometheus, f"http://127.0.0.1:{closed_port()}")
    assert (found.state, "refused" in found.reason) == (ItemState.UNKNOWN, True)
