"""Every expression of the shipped rules and of the dashboard has series, where a worker and an intake run."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import yaml

from tests.integration.alive.conftest import RULES, Watched
from tests.parts.product.intake import ROOT, until

DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
_COMPARED = re.compile(r"(?P<left>.*\S)\s*(?:[<>]=?|==)\s*[\d.]+\s*", re.DOTALL)
_ABSENT = re.compile(r"absent\(([^()]*)\)")


def of_rules() -> list[str]:
    """What each rule compares with its threshold, or takes for gone."""
    found: list[str] = []
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            compared = _COMPARED.fullmatch(rule["expr"].strip())
            found += [compared["left"]] if compared else _ABSENT.findall(rule["expr"])
    return found


def of_dashboard() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def alert(name: str) -> dict[str, Any]:
    labels = {"alertname": name, "service": "backend", "severity": "info"}
    now = datetime.now(UTC).isoformat()
    return {"status": "firing", "labels": labels, "startsAt": now, "fingerprint": "ab12cd34ab12cd34"}


def webhook(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "4",
        "status": "firing",
        "receiver": "runbooks",
        "groupLabels": {},
        "alerts": [*alerts],
    }


async def test_each_expression_has_series(watched: Watched) -> None:
    assert len(of_rules()) == 14
    assert (await watched.post(webhook(alert("Anything")))).status_code == 200
    assert (await watched.post({"no": "webhook"})).status_code == 422
    missing = {*of_rules(), *of_dashboard()}

    async def none_missing() -> bool:
        for one in [*missing]:
            if await watched.ask(one):
                missing.discard(one)
        return not missing

    try:
        await until(none_missing, within=15)
    except AssertionError:
        raise AssertionError(f"without a series: {missing}") from None


async def test_what_they_tell_is_true(watched: Watched) -> None:
    async def told() -> Any:
        workers = dict_of(await watched.ask("max by (task_queue) (runbooks_workers)"), "task_queue")
        return workers if workers == {"runbooks": 1} else None

    await until(told)
    since = "time() - max by (process) (runbooks_last_round_timestamp_seconds)"
    ages = dict_of(await watched.ask(since), "process")
    assert set(ages) == {"worker", "intake"}
    assert all(0 <= age < 90 for age in ages.values())
    stuck = dict_of(await watched.ask("max by (service) (runbooks_stuck_runs)"), "service")
    assert stuck == {"backend": 0}

    async def all_told() -> Any:
        checks = dict_of(await watched.ask("max by (check) (runbooks_check_overdue_seconds)"), "check")
        return checks if len(checks) == 3 else None

    assert await until(all_told) == {"daily": 0, "weekly": 0, "monthly": 0}


async def test_outcome_cause_and_times_of_a_closed_incident_are_metrics(watched: Watched) -> None:
    over = alert("Measured")
    assert (await watched.post(webhook(over))).status_code == 200
    ended = {**over, "status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
    assert (await watched.post(webhook(ended))).status_code == 200
    of = 'runbook="AnyAlert",severity="info"'

    async def counted() -> Any:
        return await watched.ask(f'runbooks_incidents_total{{{of},cause="none",outcome=~".+"}} > 0')

    await until(counted, within=20)
    ((_, within),) = await watched.ask(f'runbooks_incident_recovery_seconds_bucket{{{of},le=~"300(.0)?"}}')
    ((_, total),) = await watched.ask(f"runbooks_incident_recovery_seconds_sum{{{of}}}")
    assert within == 1
    assert 0 <= total < 300
    assert await watched.ask('runbooks_announcements_total{channel="told",delivered="true"} > 0')
    assert not await watched.ask(f"runbooks_incident_response_seconds_count{{{of}}} > 0"), (
        "nobody said a word"
    )


async def test_the_heartbeat_goes_to_alertmanager_and_comes_back_without_an_incident(
    watched: Watched,
) -> None:
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:

        async def there() -> Any:
            answer = await client.get(f"{watched.alertmanager.url}/api/v2/alerts")
            return [one for one in answer.json() if one["labels"]["alertname"] == "RunbooksHeartbeat"]

        (beat,) = await until(there)
    assert beat["labels"] == {"alertname": "RunbooksHeartbeat", "product": "runbooks", "severity": "none"}

    async def came_back() -> Any:
        return await watched.ask('runbooks_alerts_taken_total{how="heartbeat"} > 0')

    await until(came_back, within=15)
    assert (await watched.post(webhook(alert("RunbooksHeartbeat"), alert("Another")))).status_code == 200
    temporal = await watched.temporal.client()
    begun = [one.id async for one in temporal.list_workflows("AlertName IS NOT NULL")]
    assert not [one for one in begun if "Heartbeat" in one]
    assert "Another/backend" in begun


async def test_an_alert_about_the_runbooks_is_one_ordinary_incident(watched: Watched) -> None:
    own = alert("RunbooksQueueGrows")
    own["labels"] |= {"service": "runbooks", "product": "runbooks", "severity": "warning"}
    for _ in range(2):
        (taken,) = (await watched.post(webhook(own))).json()["taken"]
        assert (taken["incident"], taken["runbook"]) == ("RunbooksQueueGrows/runbooks", "AnyAlert")
    temporal = await watched.temporal.client()

    async def begun() -> list[str]:
        found = temporal.list_workflows("WorkflowId = 'RunbooksQueueGrows/runbooks'")
        return [one.run_id async for one in found]

    assert len(await until(begun)) == 1
    stuck = await watched.ask("sum(max by (service) (runbooks_stuck_runs))")
    assert [value for _, value in stuck] == [0]


async def test_a_worker_that_is_gone_is_seen(watched: Watched) -> None:
    await watched.worker.process.kill()
    gone = 'absent(runbooks_last_round_timestamp_seconds{process="worker"})'

    async def seen() -> Any:
        return await watched.ask(gone)

    ((labels, _),) = await until(seen, within=15)
    assert labels == {"process": "worker"}
    assert not await watched.ask(gone.replace("worker", "intake"))


def dict_of(series: list[tuple[dict[str, str], float]], label: str) -> dict[str, float]:
    return {metric[label]: value for metric, value in series}
