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
    MAX_ANNOTATION,
    MAX_LABEL,
    MAX_WORDS,
    Batch,
    ReceivedAlert,
    Unreadable,
    read_webhook,
)
from intake.alerts.routing import Nameless, Routed, alert_name, by_incident, route
from intake.alerts.start_times import StartTimes
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.names import Severity
from tests.parts.product.door import alert, webhook

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
    """The alert as an intake routes it that has heard of no other."""
    return route(one, CONFIGURATION, StartTimes())


def test_a_firing_alert_is_read_and_its_year_one_dropped() -> None:
    one = received(brandNewField={"of": "a newer version"})
    assert one.starts_at == datetime(2026, 1, 5, 3, tzinfo=UTC)
    assert one.ends_at is None


def test_a_zone_west_of_utc_does_not_overflow_on_year_one() -> None:
    assert received(endsAt="0001-01-01T00:00:00-08:00").ends_at is None


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (alert(labels={"huge": "x" * (MAX_LABEL + 1)}), "labels.huge"),
        (alert(startsAt="yesterday"), "startsAt"),
        (alert(startsAt="9999-12-31T23:59:59-14:00"), "startsAt"),
        (alert(startsAt="0001-01-01T00:00:00Z"), "startsAt"),
        (alert(startsAt="2026-01-05T03:00:00"), "startsAt"),
        (alert(status="burning"), "status"),
        (alert(labels={"a": None}), "labels.a"),
        ({"status": "firing"}, "labels"),
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
        json.dumps({"alerts": [], "truncatedAlerts": -1}).encode(),
        json.dumps({"alerts": [], "truncatedAlerts": 10**400}).encode(),
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
    for index, one in batch.good:
        try:
            routed.append((index, led(one)))
        except Nameless:
            continue
    for _, one_routed in routed:
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
    assert sum(map(len, by_incident(routed).values())) == len(routed)
    return len(batch.good) + len(batch.refused)


def test_the_configured_alert_goes_to_its_runbook_and_all_others_to_any_alert() -> None:
    known = led(received(labels={"service": "the-backend"}))
    assert (known.alert.incident_id, known.runbook, known.severity) == (
        "ServiceDown/backend",
        "ServiceDown",
        Severity.CRITICAL,
    )
    other = led(received(labels={"alertname": "Disk is full!", "service": "../etc", "severity": "info"}))
    assert (other.alert.name, other.runbook, other.severity) == ("Disk_is_full_", "AnyAlert", Severity.INFO)
    assert other.alert.service not in CONFIGURATION.services


def test_the_ids_of_the_product_itself_are_never_taken_by_an_alert() -> None:
    assert alert_name("steward") == "_steward"
    assert alert_name("9 lives") == "_9_lives"
    assert len(alert_name("9" * 500)) <= 128
    assert Alert(name=alert_name("ü"), service="s", starts_at=datetime.now(UTC)).name == "_"


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


def bytes_of(one: ReceivedAlert) -> int:
    return sum(
        len(text.encode()) for words in (one.labels, one.annotations) for text in (*words, *words.values())
    )


def test_annotations_that_are_too_large_together_are_left_out_and_their_alert_is_taken() -> None:
    many = {f"note_{number}": "é" * MAX_ANNOTATION for number in range(62)}
    one = received(annotations={**many, "summary": "it hangs", "description": "é" * 1000})
    assert MAX_WORDS / 2 < bytes_of(one) <= MAX_WORDS
    assert one.annotations["summary"] == "it hangs"
    assert one.annotations["description"] == "é" * 1000
    assert list(one.annotations)[:2] == ["note_0", "note_1"]


def test_annotations_get_the_room_that_the_labels_leave() -> None:
    labels = {f"label_{number}": "é" * 2000 for number in range(58)}
    one = received(labels=labels, annotations={f"note_{n}": "x" * MAX_ANNOTATION for n in range(10)})
    assert one.labels.items() >= labels.items()
    assert len(one.annotations) == 1
    assert bytes_of(one) <= MAX_WORDS


def test_an_alert_is_measured_as_it_travels() -> None:
    """JSON writes a control character in six bytes."""
    one = received(annotations={f"note_{number}": "\x01" * 10_000 for number in range(60)})
    assert len(one.model_dump_json()) < MAX_WORDS + 1000


def test_labels_that_are_too_large_together_refuse_their_alert_only() -> None:
    batch = read(alert(), alert(labels={f"label_{n}": "é" * MAX_LABEL for n in range(40)}))
    assert [index for index, _ in batch.good] == [0]
    assert batch.refused[0].index == 1
    assert batch.refused[0].reason.startswith("labels: ")
    assert "larger than 256 KiB together" in batch.refused[0].reason
