"""Active alerts minus the expected ones, in a real Alertmanager."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.active_alerts.listed import ListedAlert
from activities.active_alerts.unexpected import ActiveAlertActivities, LookAtAlerts, judged
from models.checks.item import ItemResult, ItemState
from models.checks.naming import Naming
from models.configuration.checks import ExpectedAlert
from tests.parts.servers.alertmanager_server import QUIET, alertmanager_with, post, silence
from tests.parts.servers.prometheus_server import prometheus_with
from tests.parts.servers.sockets import closed_port

TODAY = datetime.now(UTC).date()
INHIBITS = """
inhibit_rules:
  - source_matchers: [alertname = HostDown]
    target_matchers: [alertname = DiskSlow]
"""
NAMING = Naming(labels=("service", "job"), names={"backend": "backend", "shop": "backend"})
OLD_ENOUGH = timedelta(hours=1)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that has an alert of each kind."""
    with alertmanager_with(QUIET + INHIBITS, tmp_path_factory.mktemp("alertmanager")) as url:
        post(url, "Watchdog", severity="none")
        post(url, "HighErrorRate", job="shop", severity="critical")
        post(url, "CertificateExpires", service="backend", severity="warning", host="a")
        post(url, "CertificateExpires", service="backend", severity="warning", host="b")
        post(url, "Deploying", severity="info")
        silence(url, "Deploying")
        post(url, "HostDown", severity="critical", host="a")
        post(url, "DiskSlow", severity="warning", host="a")
        _until_told_apart(url)
        yield url


def _until_told_apart(url: str) -> None:
    """An alert is inhibited or silenced only once it was looked at."""
    until = time.monotonic() + 10
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until:
            alerts = client.get(f"{url}/api/v2/alerts").json()
            if sum(one["status"]["state"] == "suppressed" for one in alerts) == 2:
                return
            time.sleep(0.05)  # between two looks of a bounded wait
    raise AssertionError(alerts)


@pytest.fixture
async def activities() -> AsyncIterator[ActiveAlertActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ActiveAlertActivities(client)


async def look(activities: ActiveAlertActivities, url: str, *expected: ExpectedAlert) -> ItemResult:
    request = LookAtAlerts(url=url, expected=expected, naming=NAMING)
    return await ActivityEnvironment().run(activities.find_unexpected_alerts, request)


def expect(alert: str, days: int = 1, service: str | None = None) -> ExpectedAlert:
    until = TODAY + timedelta(days=days)
    return ExpectedAlert(alert=alert, service=service, until=until, why="known")


async def every_alert(url: str) -> list[ListedAlert]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/api/v2/alerts")
    return [ListedAlert.model_validate(one) for one in answer.json()]


async def test_a_just_started_one_without_alerts_is_unknown(tmp_path: Path) -> None:
    with alertmanager_with(QUIET, tmp_path) as url:
        async with httpx.AsyncClient(trust_env=False) as client:
            found = await look(ActiveAlertActivities(client), url)
    assert found.state is ItemState.UNKNOWN
    assert "may not have heard" in found.reason


async def test_what_nobody_expects_is_named_the_worst_first(
    activities: ActiveAlertActivities, alertmanager: str
) -> None:
    found = await look(activities, alertmanager)
    assert found.state is ItemState.BAD
    assert found.reason.startswith("4 alerts are active that nobody expects: ")
    assert "HighErrorRate of backend (critical, for 3 h)" in found.reason
    assert "CertificateExpires of backend (2 times, warning, for 3 h)" in found.reason
    assert found.reason.endswith("1 silenced, 1 inhibited, 1 not meant for people (severity none)")
    heard = {row[0]: row[3] for row in found.tables[0].rows}
    assert heard["Deploying"] == "silenced"
    assert heard["DiskSlow"] == "inhibited"
    assert "Watchdog" not in heard


async def test_what_is_expected_is_left_out_by_name_and_service(alertmanager: str) -> None:
    alerts = await every_alert(alertmanager)
    expected = (expect("HighErrorRate", service="backend"), expect("HostDown"))
    request = LookAtAlerts(url=alertmanager, expected=expected, naming=NAMING)
    found = judged(alerts, request, datetime.now(UTC), OLD_ENOUGH)
    assert found.state is ItemState.ATTENTION, "no critical alert is left"
    assert found.reason.startswith("2 alerts are active that nobody expects: CertificateExpires")
    assert "2 expected" in found.reason
    elsewhere = (expect("HighErrorRate", service="postgres"), expect("HostDown"))
    request = LookAtAlerts(url=alertmanager, expected=elsewhere, naming=NAMING)
    assert judged(alerts, request, datetime.now(UTC), OLD_ENOUGH).state is ItemState.BAD


async def test_an_expectation_holds_through_its_last_day_and_no_longer(alertmanager: str) -> None:
    alerts = await every_alert(alertmanager)
    names = ("HighErrorRate", "HostDown", "CertificateExpires")
    today = tuple(expect(name, days=0) for name in names)
    request = LookAtAlerts(url=alertmanager, expected=today, naming=NAMING)
    assert judged(alerts, request, datetime.now(UTC), OLD_ENOUGH).state is ItemState.OK
    over = (*today[:2], expect("CertificateExpires", days=-1), expect("Gone", days=-3))
    request = LookAtAlerts(url=alertmanager, expected=over, naming=NAMING)
    found = judged(alerts, request, datetime.now(UTC), OLD_ENOUGH)
    assert found.state is ItemState.ATTENTION
    assert "it still fires: mend it" in found.details[0]
    assert found.details[1].startswith("Gone was expected until")
    assert "remove it" in found.details[1]


async def test_what_is_expected_and_does_not_fire_can_be_removed(alertmanager: str) -> None:
    alerts = await every_alert(alertmanager)
    names = ("HighErrorRate", "HostDown", "CertificateExpires", "Deploying", "Mended")
    request = LookAtAlerts(url=alertmanager, expected=tuple(expect(one) for one in names), naming=NAMING)
    found = judged(alerts, request, datetime.now(UTC), OLD_ENOUGH)
    assert found.state is ItemState.OK
    (said,) = found.details
    assert said.startswith("Mended is expected until"), "a silenced alert fires, too"


async def test_an_alert_without_a_service_is_not_what_is_expected_of_one(alertmanager: str) -> None:
    alerts = await every_alert(alertmanager)
    of_service = expect("HostDown", service="backend")
    request = LookAtAlerts(url=alertmanager, expected=(of_service,), naming=NAMING)
    found = judged(alerts, request, datetime.now(UTC), OLD_ENOUGH)
    assert found.state is ItemState.BAD
    (said,) = found.details
    assert said.startswith(f"HostDown of backend is expected until {of_service.until} (known), but HostDown")
    assert said.endswith("have its rule set the label service or job, or leave service out of this entry")
    both = (of_service, expect("HostDown"))
    request = LookAtAlerts(url=alertmanager, expected=both, naming=NAMING)
    (said,) = judged(alerts, request, datetime.now(UTC), OLD_ENOUGH).details
    assert said.endswith("does not fire: remove it once it is mended")


def test_the_last_day_is_one_of_the_configurations_zone() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    alert = ListedAlert.model_validate({"labels": {"alertname": "A"}, "startsAt": late})
    expected = (ExpectedAlert(alert="A", until=late.date(), why="known"),)
    for zone, state in (("UTC", ItemState.OK), ("Europe/Berlin", ItemState.ATTENTION)):
        request = LookAtAlerts(url="http://a", expected=expected, time_zone=zone)
        assert judged([alert], request, late, OLD_ENOUGH).state is state


def test_what_a_time_interval_mutes_is_told_apart() -> None:
    muted = {"state": "suppressed", "mutedBy": ["weekends"]}
    alert = ListedAlert.model_validate(
        {"labels": {"alertname": "A"}, "startsAt": datetime.now(UTC), "status": muted}
    )
    found = judged([alert], LookAtAlerts(url="http://a"), datetime.now(UTC), OLD_ENOUGH)
    assert (found.state, found.reason) == (ItemState.OK, "no alert is active that is not expected; 1 muted")


async def test_one_that_is_away_is_unknown(activities: ActiveAlertActivities) -> None:
    found = await look(activities, f"http://127.0.0.1:{closed_port()}")
    assert found.state is ItemState.UNKNOWN
    assert "connection refused" in found.reason


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, "<html>Sign in</html>", "is not that of Alertmanager's API v2"),
        (401, "who are you?", "answered 401"),
        (200, '{"status": "success", "data": []}', "is not that of Alertmanager's API v2"),
    ],
)
async def test_what_is_no_alertmanager_is_unknown(
    activities: ActiveAlertActivities, httpserver: HTTPServer, status: int, body: str, why: str
) -> None:
    httpserver.expect_request("/api/v2/alerts").respond_with_data(body, status=status)
    found = await look(activities, httpserver.url_for(""))
    assert found.state is ItemState.UNKNOWN
    assert why in found.reason


@pytest.mark.parametrize(
    ("firing", "missing"),
    [
        ([("HostDown", "firing")], ""),
        ([("HostDown", "pending"), ("Unheard", "pending")], ""),
        ([("HostDown", "firing"), ("Unheard", "firing")], "Prometheus fires Unheard for over 5m"),
    ],
)
async def test_what_prometheus_fires_and_alertmanager_does_not_have_is_told(
    activities: ActiveAlertActivities,
    alertmanager: str,
    tmp_path: Path,
    firing: list[tuple[str, str]],
    missing: str,
) -> None:
    now = int(time.time())
    times = range(now - 900, now + 300, 30)
    lines = [
        f'ALERTS{{alertname="{name}",alertstate="{state}"}} 1 {at}' for name, state in firing for at in times
    ]
    with prometheus_with("\n".join(["# TYPE ALERTS gauge", *lines, "# EOF\n"]), tmp_path) as prometheus:
        request = LookAtAlerts(url=alertmanager, prometheus=prometheus, naming=NAMING)
        found = await ActivityEnvironment().run(activities.find_unexpected_alerts, request)
    assert missing in found.reason
    assert ("Prometheus" in found.reason) is bool(missing)


async def test_prometheus_away_says_nothing_of_the_alerts(
    activities: ActiveAlertActivities, alertmanager: str
) -> None:
    request = LookAtAlerts(url=alertmanager, prometheus=f"http://127.0.0.1:{closed_port()}", naming=NAMING)
    found = await ActivityEnvironment().run(activities.find_unexpected_alerts, request)
    assert found.state is ItemState.BAD
    assert "Prometheus" not in found.reason
