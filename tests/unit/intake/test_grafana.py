"""Grafana's own alerts at the webhook: taken as Alertmanager's are; a blind rule says that it is blind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from intake.alerts.payload import read_webhook
from intake.alerts.routing import Routed, route
from intake.sources.grafana import understood
from models.configuration.configuration import Configuration

CONFIGURATION = Configuration.of(
    {
        "services": {"backend": {"manager": {"kind": "docker", "container": "backend"}}},
        "alerts": {"ServiceDown": {"severity": "critical"}},
    },
    {"ServiceDown", "AnyAlert"},
)


def alert(**differently: Any) -> dict[str, Any]:
    """As Grafana documents it, in short."""
    return {
        "status": "firing",
        "labels": {"alertname": "ServiceDown", "service": "backend", "grafana_folder": "Production"},
        "annotations": {"summary": "backend does not answer"},
        "startsAt": "2026-03-01T04:14:05.123456789+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "57c6d9296de2ad39",
        "silenceURL": "https://grafana.example/alerting/silence/new?alertmanager=grafana",
        "dashboardURL": "",
        "panelURL": "",
        "imageURL": "https://grafana.example/image.png",
        "values": {"B": 0, "C": 1},
        "valueString": "[ var='B' labels={service=backend} value=0 ]",
        "orgId": 1,
        **differently,
    }


def taken(*alerts: dict[str, Any]) -> list[Routed]:
    body = {
        "receiver": "runbooks",
        "status": "firing",
        "orgId": 1,
        "alerts": alerts,
        "groupLabels": {"alertname": "ServiceDown"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://grafana.example/",
        "version": "1",
        "groupKey": '{}:{alertname="ServiceDown"}',
        "truncatedAlerts": 0,
        "title": "[FIRING:1] ServiceDown",
        "state": "alerting",
        "message": "**Firing**",
    }
    batch = read_webhook(json.dumps(body).encode(), ("service",))
    assert batch.refused == () and batch.truncated == 0
    return [route(one, CONFIGURATION) for _, one in batch.good]


def blind(name: str, **differently: Any) -> dict[str, Any]:
    labels = {"alertname": name, "rulename": "ServiceDown", "service": "backend", "ref_id": "A"}
    return alert(labels=labels, values=None, valueString="[no value]", **differently)


def test_an_alert_of_grafana_goes_to_its_runbook_with_its_values() -> None:
    [one] = taken(alert())
    assert (one.runbook, one.alert.service, one.instance) == ("ServiceDown", "backend", "57c6d9296de2ad39")
    assert one.alert.starts_at == datetime(2026, 3, 1, 3, 14, 5, 123456, UTC)
    assert one.alert.words == {"summary": "backend does not answer"}
    assert one.alert.annotations["values"] == "[ var='B' labels={service=backend} value=0 ]"


def test_no_data_and_an_error_say_that_monitoring_is_blind_and_never_that_the_service_is_down() -> None:
    no_data = blind(
        "DatasourceNoData", annotations={"summary": "backend is down", "description": "it is down"}
    )
    error = blind("DatasourceError", annotations={"summary": "backend is down", "Error": "no such host"})
    for one in taken(no_data, error):
        assert one.runbook == "AnyAlert", "nothing is done about it"
        assert one.alert.words["summary"].startswith("Monitoring is blind: ServiceDown ")
        assert "is down" not in "".join(one.alert.words.values())
    assert taken(error)[0].alert.annotations["Error"] == "no such host"


def test_its_end_is_the_end_of_the_same_alert() -> None:
    firing, over = taken(
        blind("DatasourceNoData"),
        blind("DatasourceNoData", status="resolved", endsAt="2026-03-01T03:20:00Z", annotations=None),
    )
    assert (firing.alert.incident_id, firing.instance) == (over.alert.incident_id, over.instance)
    assert not over.alert.firing


@pytest.mark.parametrize("name", [["x"], {"a": 1}, None, 7])
def test_a_name_that_is_no_text_is_left_to_who_judges_names(name: object) -> None:
    assert understood(alert(labels={"alertname": name}))["labels"] == {"alertname": name}
