"""The webhook of Alertmanager, read without trust."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.alerts import words
from intake.alerts.fingerprint import fingerprint_of
from intake.alerts.payload import (
    MAX_ALERTS,
    MAX_ANNOTATION,
    MAX_ANNOTATIONS,
    MAX_LABEL,
    MAX_LABELS,
    Batch,
    ReceivedAlert,
    Unreadable,
    read_webhook,
)
from intake.alerts.routing import Nameless, Routed, by_incident, route
from models.configuration.configuration import Configuration
from models.incident.alert import Alert, AlertStatus
from models.incident.alert_life import instance_of
from models.names import RESERVED, Severity, alert_name
from tests.parts.product.intake import alert, webhook

CONFIGURATION = Configuration.of(
    {
        "services": {
            "backend": {
                "aliases": ["the-backend"],
                "manager": {"kind": "supervisord", "program": "backend", "socket": "/s"},
            }
        },
        "alerts": {"ServiceDown": {"severity": "critical"}},
    },
    runbooks=["ServiceDown"],
)


def read(*alerts: Any, **changes: Any) -> Batch:
    return read_webhook(json.dumps(webhook(*alerts, **changes)).encode())


def received(**changes: Any) -> ReceivedAlert:
    batch = read(alert(**changes))
    assert not batch.refused
    return batch.good[0][1]


def led(one: ReceivedAlert) -> Routed:
    return route(one, CONFIGURATION)


def test_a_firing_alert_is_read_and_its_year_one_dropped() -> None:
    one = received(brandNewField={"of": "a newer version"})
    assert one.starts_at == datetime(2026, 1, 5, 3, tzinfo=UTC)
    assert one.ends_at is None


def test_a_zone_west_of_utc_does_not_overflow_on_year_one() -> None:
    assert received(endsAt="0001-01-01T00:00:00-08:00").ends_at is None


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (alert(status="burning"), "status"),
        (alert(status=["firing"]), "status"),
        ("not an alert", ""),
        (None, ""),
        (["a"], ""),
    ],
)
def test_a_bad_alert_is_refused_with_its_place_and_reason(bad: Any, field: str) -> None:
    batch = read(alert(), bad, alert())
    assert [index for index, _ in batch.good] == [0, 2]
    assert [one.index for one in batch.refused] == [1]
    assert field in batch.refused[0].reason
    assert len(batch.refused[0].reason) <= 300


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"alerts": {}}',
        b'{"alerts": [',
        b"\xff\xfe\x00",
        b'{"alerts": ["\xff"]}',
        b'{"alerts": ["\\ud800"]}',
        b"[" * 100_000,
        b'{"alerts":' * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_webhook_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read_webhook(body)
    assert len(str(caught.value)) <= 300
    assert str(caught.value).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("status", "labels", "annotations", "startsAt", "endsAt", "fingerprint")
TIMES = st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_unreadable(body: bytes) -> None:
    _ = take(body)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON | TIMES | st.text(), max_size=6), max_size=4))
def test_alerts_of_any_shape_are_taken_or_refused_one_by_one(changes: list[dict[str, Any]]) -> None:
    body = json.dumps(webhook(*({**alert(), **change} for change in changes))).encode()
    assert take(body) == len(changes)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200), st.text(max_size=80), st.text(max_size=300), TIMES)
def test_whatever_an_alert_says_its_words_stay_within_their_bounds(
    name: str, service: str, said: str, began: str
) -> None:
    one = alert(labels={"alertname": name, "service": service}, annotations={"summary": said}, startsAt=began)
    _ = take(json.dumps(webhook(one)).encode())


def take(body: bytes) -> int:
    """Everything that the intake does with a body before it speaks to Temporal."""
    try:
        batch = read_webhook(body)
    except Unreadable:
        return -1
    routed = []
    for _, one in batch.good:
        try:
            routed.append(led(one))
        except Nameless:
            continue
    for one_routed in routed:
        found = one_routed.alert
        summary, details = (
            words.summary(found, one_routed.severity),
            words.details(found, one_routed.severity),
        )
        assert len(summary.encode()) <= 400
        assert len(details.encode()) <= 20_000
        assert summary.isprintable()
        assert len(found.incident_id) < 300
        found.model_dump_json()
    assert sum(map(len, by_incident((None, one) for one in routed).values())) == len(routed)
    return len(batch.good) + len(batch.refused)


def test_the_configured_alert_goes_to_its_runbook_and_all_others_to_any_alert() -> None:
    known = led(received(labels={"service": "the-backend"}))
    assert (known.alert.incident_id, known.runbook, known.severity) == (
        "ServiceDown/backend",
        "ServiceDown",
        Severity.CRITICAL,
    )
    other = led(received(labels={"alertname": "Disk is full!", "service": "../etc", "severity": "info"}))
    assert other.alert.name.startswith("Disk_is_full_-")
    assert (other.runbook, other.severity) == ("AnyAlert", Severity.INFO)
    assert other.alert.service not in CONFIGURATION.services


def test_a_service_that_only_the_rule_names_is_marked_as_its_default() -> None:
    rules = {"ServiceDown": {"service": "backend"}}
    services = {"backend": {"manager": {"kind": "supervisord", "program": "backend", "socket": "/s"}}}
    configuration = Configuration.of({"services": services, "alerts": rules}, runbooks=["ServiceDown"])
    for labels, by_rule in (({"service": ""}, True), ({"service": "", "job": "backend"}, False), ({}, False)):
        found = route(received(labels=labels), configuration).alert
        assert (found.service, found.named_by_rule) == ("backend", by_rule)


def test_a_name_that_fits_is_its_own_id() -> None:
    for name in ("ServiceDown", "a", "_x:y.z-1", "A" * 128):
        assert alert_name(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("服务宕机", "磁盘已满"),
        ("Disk > 90%", "Disk < 90%"),
        ("A" * 127 + "xx", "A" * 127 + "xy"),
        ("A" * 500, "A" * 501),
        ("steward", "_steward"),
        ("9 lives", "_9_lives"),
        ("a b", "a_b"),
        ("\x00", "\x01"),
    ],
)
def test_names_that_an_id_cannot_tell_apart_are_two_incidents(one: str, other: str) -> None:
    found = [led(received(labels={"alertname": name})).alert for name in (one, other)]
    assert found[0].incident_id != found[1].incident_id
    assert [alert_name(name) for name in (one, other)] == [alert.name for alert in found]
    assert [alert.labels["alertname"] for alert in found] == [one, other]


@given(st.text(min_size=1, max_size=300))
def test_whatever_an_alert_is_called_its_name_fits_an_id_and_is_none_of_the_products_own(name: str) -> None:
    found = Alert(name=alert_name(name), service="s", starts_at=datetime.now(UTC)).name
    assert found not in RESERVED
    assert alert_name(found) == found


def test_a_rule_is_found_by_the_name_that_stands_in_the_id() -> None:
    rules = {
        alert_name("Disk > 90%"): {"severity": "critical"},
        alert_name("Disk < 90%"): {"severity": "info"},
    }
    configuration = Configuration.model_validate({"alerts": rules})
    called = ("Disk > 90%", "Disk < 90%")
    found = [route(received(labels={"alertname": name, "severity": ""}), configuration) for name in called]
    assert [one.severity for one in found] == [Severity.CRITICAL, Severity.INFO]


def test_an_alert_without_a_name_is_refused() -> None:
    with pytest.raises(Nameless, match="alertname"):
        led(received(labels={"alertname": " "}))


def test_of_one_incident_what_fires_is_told_before_what_is_over() -> None:
    well = led(received(status="resolved", labels={"instance": "a"}))
    fires = led(received(labels={"instance": "b"}))
    elsewhere = led(received(status="resolved", labels={"alertname": "Other"}))
    found = by_incident([(0, well), (1, fires), (2, elsewhere)])
    indices = {incident: [index for index, _ in group] for incident, group in found.items()}
    assert indices == {"ServiceDown/backend": [1, 0], "Other/backend": [2]}


def test_instances_without_a_fingerprint_are_told_apart_by_their_labels() -> None:
    first, second = (led(received(labels={"instance": name}, fingerprint="")) for name in ("a", "b"))
    again = led(received(labels={"instance": "a"}, fingerprint="", status="resolved"))
    assert first.instance != second.instance
    assert first.instance == again.instance


def test_a_fingerprint_that_is_left_out_is_the_one_that_alertmanager_has() -> None:
    labels = {"alertname": "ServiceDown", "service": "backend", "instance": "a:1"}
    assert fingerprint_of(labels) == "73e12c210b04c46f"
    assert fingerprint_of({**labels, "team": "Zürich"}) == "73563827942cb1f7"


def test_words_from_outside_are_shown_as_words() -> None:
    wild = alert(
        labels={"instance": "a`b` | c"},
        annotations={"summary": "# <img src=x onerror=alert(1)> **bold** [click](http://evil)\n\x1b[31mred"},
    )
    found = led(read(wild).good[0][1])
    summary = words.summary(found.alert, Severity.CRITICAL)
    details = words.details(found.alert, Severity.CRITICAL)
    assert summary.startswith("critical: ServiceDown on backend: ")
    for trace in ("<", ">", "**", "[click]", "\x1b", "\n"):
        assert trace not in summary
    assert "- label `instance`: `a'b' | c`" in details
    assert "\x1b" not in details


def test_a_long_annotation_is_cut_and_its_alert_taken() -> None:
    one = received(annotations={"description": "x" * (MAX_ANNOTATION * 3)})
    assert len(one.annotations["description"]) == MAX_ANNOTATION


def bytes_of(texts: dict[str, str]) -> int:
    return sum(len(text.encode()) for text in (*texts, *texts.values()))


def test_annotations_that_are_too_large_together_are_left_out_and_their_alert_is_taken() -> None:
    many = {f"note_{number}": "é" * 5000 for number in range(100)}
    one = received(annotations={**many, "summary": "it hangs", "description": "é" * 1000})
    assert MAX_ANNOTATIONS / 2 < bytes_of(one.annotations) <= MAX_ANNOTATIONS
    assert one.annotations["summary"] == "it hangs"
    assert one.annotations["description"] == "é" * 1000
    assert list(one.annotations)[:2] == ["note_0", "note_1"]


def test_sixty_five_annotations_and_labels_are_taken() -> None:
    many = {f"name_{number}": "x" for number in range(65)}
    one = received(annotations=many, labels=many)
    assert one.annotations == many
    assert one.labels.items() >= many.items()


def test_an_alert_is_measured_as_it_travels() -> None:
    """JSON writes a control character in six bytes."""
    one = received(annotations={f"note_{number}": "\x01" * 2000 for number in range(60)})
    assert len(one.model_dump_json()) < MAX_ANNOTATIONS + 1000


def test_labels_that_are_too_large_are_cut_and_what_they_name_stays_apart() -> None:
    long = {f"label_{number}": "é" * MAX_LABEL for number in range(40)}
    one, other = (received(labels={**long, "service": "x" * 5000 + end}) for end in "ab")
    assert bytes_of(one.labels) <= MAX_LABELS
    assert one.labels.keys() >= long.keys()
    assert led(one).alert.incident_id != led(other).alert.incident_id


def test_of_thousands_of_labels_those_that_decide_are_kept() -> None:
    one = received(labels={f"label_{number}": "x" * 100 for number in range(5000)})
    assert bytes_of(one.labels) <= MAX_LABELS
    assert led(one).alert.incident_id == "ServiceDown/backend"
    assert one.labels["severity"] == "critical"


@pytest.mark.parametrize("nothing", [None, "", [], 7, "text"])
def test_what_is_null_or_of_another_shape_is_left_out_and_its_alert_is_taken(nothing: Any) -> None:
    batch = read(
        alert(annotations=nothing, fingerprint=nothing, endsAt=nothing),
        groupLabels=nothing,
        truncatedAlerts=nothing if nothing != 7 else -7,
    )
    assert (len(batch.good), batch.refused, batch.truncated, batch.group_labels) == (1, (), 0, {})
    one = batch.good[0][1]
    assert (one.annotations, one.ends_at is None or nothing == 7) == ({}, True)
    assert one.fingerprint


def test_a_value_that_is_no_text_is_taken_as_text_or_left_out() -> None:
    one = received(
        labels={"port": 8080, "ratio": 0.5, "ok": True, "none": None, "list": [1], "": "x", "x" * 300: "y"},
        annotations={"value": 1e3, "none": None, "nested": {"a": 1}},
        fingerprint=42,
    )
    told = {"port": "8080", "ratio": "0.5", "ok": "true"}
    named = {"alertname": "ServiceDown", "service": "backend", "severity": "critical"}
    assert one.labels == named | told
    assert (one.annotations, one.fingerprint) == ({"value": "1000.0"}, "42")


@pytest.mark.parametrize("status", [None, "firing", "Firing", "FIRING"])
def test_a_status_is_read_in_any_case(status: Any) -> None:
    assert received(status=status).status is AlertStatus.FIRING


@pytest.mark.parametrize(
    "start", [None, "", "0001-01-01T00:00:00Z", "yesterday", "9999-12-31T23:59:59-14:00", [], "missing"]
)
def test_without_a_start_that_can_be_read_an_alert_is_taken_as_of_now(start: Any) -> None:
    one = alert(startsAt=start)
    if start == "missing":
        del one["startsAt"]
    now = datetime(2026, 5, 1, tzinfo=UTC)
    found = route(read(one).good[0][1], CONFIGURATION, now).alert
    assert (found.starts_at, found.dated) == (now, False)


def test_a_time_without_a_zone_is_one_in_utc() -> None:
    assert received(startsAt="2026-01-05T03:00:00").starts_at == datetime(2026, 1, 5, 3, tzinfo=UTC)


def test_an_end_without_a_time_is_taken_as_of_now_and_a_firing_has_none() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    ends = [
        route(received(status=status, endsAt=end), CONFIGURATION, now).alert.ends_at
        for status in ("resolved", "firing")
        for end in (None, "2026-04-30T00:00:00Z")
    ]
    assert ends == [now, datetime(2026, 4, 30, tzinfo=UTC), None, None]


def test_without_a_fingerprint_instances_are_told_apart_by_their_labels_as_they_came() -> None:
    one, other, again = (
        received(labels={"instance": name, "long": "x" * 5000 + name}, fingerprint=none)
        for name, none in (("a", ""), ("b", None), ("a", None))
    )
    keys = [instance_of(led(each).alert) for each in (one, other, again)]
    assert keys[0] == keys[2] != keys[1]


def test_more_alerts_than_one_batch_may_bring_count_as_left_out() -> None:
    batch = read(*({"labels": {"alertname": "A"}} for _ in range(MAX_ALERTS + 5)), truncatedAlerts=2)
    assert (len(batch.good), batch.truncated) == (MAX_ALERTS, 7)
