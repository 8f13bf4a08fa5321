"""The alert's source, asked in a real Alertmanager."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.monitoring.alertmanager import AlertSourceActivities, AlertSourceSeen, Asking, AskSource
from models.evidence.evidence import Finding
from models.incident.alert import Alert
from tests.parts.servers.alertmanager_server import QUIET, alertmanager_with
from tests.parts.servers.sockets import closed_port, listening, silence

BRIEFLY = timedelta(milliseconds=300)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Alertmanager that tells nobody."""
    with alertmanager_with(QUIET, tmp_path_factory.mktemp("alertmanager")) as url:
        yield url


@pytest.fixture
async def source() -> AsyncIterator[AlertSourceActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield AlertSourceActivities(client, every=timedelta(milliseconds=50))


async def post(url: str, ends_in: timedelta, name: str, **labels: str) -> None:
    now = datetime.now(UTC)
    alert = {
        "labels": {"alertname": name, **labels},
        "startsAt": (now - timedelta(minutes=1)).isoformat(),
        "endsAt": (now + ends_in).isoformat(),
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{url}/api/v2/alerts", json=[alert])).raise_for_status()


def about(
    name: str, service: str = "backend", fingerprint: str = "", labels: dict[str, str] | None = None
) -> Alert:
    began = datetime.now(UTC)
    return Alert(name=name, service=service, starts_at=began, fingerprint=fingerprint, labels=labels or {})


async def ask(
    source: AlertSourceActivities, url: str, alert: Alert, within: timedelta = BRIEFLY, **info: object
) -> AlertSourceSeen:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, **info)  # type: ignore[arg-type]
    seen = await environment.run(source.ask_source, AskSource(url=url, alert=alert, within=within))
    assert seen.observed_at is not None
    return seen


async def test_it_agrees_when_no_such_alert_is_active(
    source: AlertSourceActivities, alertmanager: str
) -> None:
    seen = await ask(source, alertmanager, about("NeverFired"))
    assert (seen.finding, seen.reason) == (Finding.OK, "Alertmanager agrees: no such alert is active")


@pytest.mark.parametrize("label", ["service", "job", "app"])
async def test_it_disagrees_while_the_alert_is_active(
    source: AlertSourceActivities, alertmanager: str, label: str
) -> None:
    name = f"StillFiring_{label}"
    await post(alertmanager, timedelta(minutes=5), name, **{label: "backend"}, instance="web-1")
    began = time.monotonic()
    seen = await ask(source, alertmanager, about(name))
    assert (seen.finding, seen.reason) == (Finding.BAD, f"Alertmanager still has {name} for backend")
    assert 0.3 <= time.monotonic() - began < 5


async def test_the_alert_of_another_service_is_not_this_one(
    source: AlertSourceActivities, alertmanager: str
) -> None:
    await post(alertmanager, timedelta(minutes=5), "Shared", service="frontend", job="backend")
    assert (await ask(source, alertmanager, about("Shared"))).ok
    assert (await ask(source, alertmanager, about("Shared", "frontend"))).bad


async def test_an_alert_is_asked_for_by_the_name_that_its_rule_has(
    source: AlertSourceActivities, alertmanager: str
) -> None:
    await post(alertmanager, timedelta(minutes=5), "Odd Name!", service="backend")
    alert = about("Odd_Name_", labels={"alertname": "Odd Name!", "service": "backend"})
    assert (await ask(source, alertmanager, alert)).bad
    other = about("Odd_Name_", labels={"alertname": "Odd Name?", "service": "backend"})
    assert (await ask(source, alertmanager, other)).ok


@pytest.mark.parametrize("label", ["service", "job", "app"])
async def test_another_instance_of_the_service_is_known_by_its_alias(
    source: AlertSourceActivities, alertmanager: str, label: str
) -> None:
    name = f"Aliased_{label}"
    await post(alertmanager, timedelta(minutes=5), name, instance="web-2", **{label: "backend-job"})
    labels = {"alertname": name, "instance": "web-1"}
    alert = about(name, fingerprint="another", labels={**labels, label: "backend-job"})
    assert (await ask(source, alertmanager, alert)).bad
    plain = about(name, fingerprint="another", labels={**labels, label: "backend"})
    assert (await ask(source, alertmanager, plain)).ok


async def test_a_label_that_services_share_makes_them_no_one_service(
    source: AlertSourceActivities, alertmanager: str
) -> None:
    await post(alertmanager, timedelta(minutes=5), "SharedJob", job="pods", pod_app="frontend")
    labels = {"alertname": "SharedJob", "job": "pods", "pod_app": "backend"}
    alert = about("SharedJob", labels=labels)
    assert (await ask(source, alertmanager, alert)).ok


async def test_an_alert_is_known_by_its_fingerprint_under_whatever_labels(
    source: AlertSourceActivities, alertmanager: str
) -> None:
    await post(alertmanager, timedelta(minutes=5), "ByFingerprint", service="api-v2")
    async with httpx.AsyncClient(trust_env=False) as client:
        active = (await client.get(f"{alertmanager}/api/v2/alerts")).json()
    fingerprint = next(a["fingerprint"] for a in active if a["labels"]["alertname"] == "ByFingerprint")
    assert (await ask(source, alertmanager, about("ByFingerprint"))).ok
    assert (await ask(source, alertmanager, about("ByFingerprint", fingerprint=fingerprint))).bad


async def test_a_silenced_alert_still_fires(source: AlertSourceActivities, alertmanager: str) -> None:
    await post(alertmanager, timedelta(minutes=5), "Silenced", service="backend")
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "alertname", "value": "Silenced", "isRegex": False, "isEqual": True}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "test",
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{alertmanager}/api/v2/silences", json=silence)).raise_for_status()
    assert (await ask(source, alertmanager, about("Silenced"))).bad


async def test_it_waits_until_the_alert_is_gone(source: AlertSourceActivities, alertmanager: str) -> None:
    await post(alertmanager, timedelta(minutes=5), "SoonOver", service="backend")
    beats = asyncio.Queue[Asking]()
    environment = ActivityEnvironment()
    environment.on_heartbeat = beats.put_nowait
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(seconds=10))
    request = AskSource(url=alertmanager, alert=about("SoonOver"), within=timedelta(minutes=5))
    asking = asyncio.ensure_future(environment.run(source.ask_source, request))
    async with asyncio.timeout(60):
        await beats.get()
    assert not asking.done()
    await post(alertmanager, timedelta(0), "SoonOver", service="backend")
    async with asyncio.timeout(60):
        assert (await asking).ok


async def test_another_worker_keeps_to_the_same_end(source: AlertSourceActivities, alertmanager: str) -> None:
    await post(alertmanager, timedelta(minutes=5), "StillThere", service="backend")
    over = json.loads(Asking(until=datetime.now(UTC)).model_dump_json())
    began = time.monotonic()
    seen = await ask(
        source, alertmanager, about("StillThere"), within=timedelta(hours=1), heartbeat_details=[over]
    )
    assert seen.bad
    assert time.monotonic() - began < 5


async def test_an_alertmanager_that_just_started_does_not_know_yet(
    source: AlertSourceActivities, alertmanager: str
) -> None:
    alert = about("Forgotten").model_copy(update={"starts_at": datetime.now(UTC) - timedelta(hours=1)})
    seen = await ask(source, alertmanager, alert)
    assert seen.unknown
    assert "may not have heard of the alert yet" in seen.reason


async def test_away_or_mute_is_unknown(source: AlertSourceActivities) -> None:
    away = await ask(source, f"http://127.0.0.1:{closed_port()}", about("ServiceDown"))
    assert away.unknown
    assert away.reason.startswith("Alertmanager cannot be asked: connection refused at")
    async with listening(silence) as port:
        asking = asyncio.ensure_future(ask(source, f"http://127.0.0.1:{port}", about("ServiceDown")))
        async with asyncio.timeout(60):
            assert (await asking).unknown


@pytest.mark.parametrize(
    ("body", "status"), [("[]", 500), ("not JSON", 200), ('{"status": "ok"}', 200), ('[{"labels": 1}]', 200)]
)
async def test_an_answer_that_makes_no_sense_is_unknown(
    source: AlertSourceActivities, httpserver: HTTPServer, body: str, status: int
) -> None:
    httpserver.expect_request("/api/v2/alerts").respond_with_data(body, status)
    assert (await ask(source, httpserver.url_for("/"), about("ServiceDown"))).unknown


async def test_nothing_in_a_name_ends_the_matcher(source: AlertSourceActivities, alertmanager: str) -> None:
    await post(alertmanager, timedelta(minutes=5), 'Odd"\\', service="backend")
    odd = Alert.model_construct(**{**about("Odd").__dict__, "name": 'Odd"\\'})
    request = AskSource.model_construct(url=alertmanager, alert=odd, within=BRIEFLY)
    seen = await ActivityEnvironment().run(source.ask_source, request)
    assert seen.bad
