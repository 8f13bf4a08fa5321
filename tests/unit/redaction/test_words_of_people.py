"""The words of an alert and of a person carry no secret into a history; an alert stays the same alert."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from intake.alerts.fingerprint import fingerprint_of
from intake.alerts.payload import MAX_ANNOTATION, MAX_LABEL, ReceivedAlert, read_webhook
from intake.alerts.reading import Reader
from models.configuration.configuration import Configuration
from models.incident.incident import LONGEST_SAID, Decision, Spoken
from models.redaction.known import KNOWN
from models.redaction.redact import redact

NAMES = {"alertname": "HighErrorRate", "service": "token-service", "severity": "critical"}


def received(labels: Mapping[str, str], annotations: Mapping[str, str]) -> ReceivedAlert:
    body = {"alerts": [{"status": "firing", "labels": labels, "annotations": annotations}]}
    ((_, alert),) = read_webhook(json.dumps(body).encode()).good
    return alert


def test_a_secret_in_an_annotation_is_hidden() -> None:
    alert = received(
        NAMES,
        {
            "summary": "login with password=hunter2 failed",
            "password": "hunter2",
            "link": "http://a:hunter2@b/",
        },
    )
    assert "hunter2" not in alert.model_dump_json()
    assert alert.annotations["summary"] == "login with password=[redacted] failed"


def test_a_secret_in_a_label_is_hidden_and_the_alert_stays_the_same() -> None:
    labels = {**NAMES, "url": "http://app:hunter2@db/", "secret": "shop-tls", "instance": "10.0.0.1:9100"}
    alert = received(labels, {})
    assert alert.fingerprint == fingerprint_of(labels)
    assert alert.labels == {**labels, "url": "http://app:[redacted]@db/"}


def test_the_labels_of_a_group_are_those_of_its_alerts() -> None:
    labels = {**NAMES, "url": "http://app:hunter2@db/"}
    body = {"groupLabels": labels, "alerts": [{"status": "firing", "labels": labels}]}
    batch = read_webhook(json.dumps(body).encode())
    assert batch.group_labels == batch.good[0][1].labels


def test_ordinary_words_of_an_alert_stay() -> None:
    words = {
        "summary": "5.2% of 1000 requests failed",
        "runbook_url": "https://wiki.example.com/run?page=2#a",
    }
    alert = received(NAMES, words)
    assert alert.annotations == words
    assert alert.labels == NAMES


def test_all_of_a_value_is_hidden_whose_name_is_that_of_a_secret() -> None:
    alert = received({**NAMES, "api_key": "two words"}, {"password": "my pass phrase is long"})
    assert (alert.labels["api_key"], alert.annotations["password"]) == ("[redacted]", "[redacted]")


@pytest.mark.parametrize(
    "name", ["partition_key", "token_type", "sid", "auth", "consumer_key", "key", "Sort_Key"]
)
def test_a_field_that_tells_no_secret_stays(name: str) -> None:
    alert = received({**NAMES, name: "orders-17 of eu"}, {name: "orders-17 of eu"})
    assert alert.labels[name] == alert.annotations[name] == "orders-17 of eu"
    assert "hunter2" not in received({**NAMES, name: "http://a:hunter2@b/"}, {}).labels[name]


def test_what_is_said_of_a_secret_stays() -> None:
    assert received(NAMES, {"password": "expired"}).annotations == {"password": "expired"}


async def test_a_label_that_names_the_service_by_the_configuration_stays_as_it_is() -> None:
    labels = {"alertname": "ServiceDown", "component_token": "token-service"}
    alerts = [{"status": "firing", "labels": labels, "startsAt": "2026-11-27T02:00:00Z"}]
    body = json.dumps({"alerts": alerts, "groupLabels": labels}).encode()
    configuration = Configuration.model_validate({"service_labels": ["component_token"]})
    read = await Reader().read(body, configuration)
    assert read.alerts[0].routed.alert.labels == read.batch.group_labels == labels
    other = await Reader().read(body, Configuration())
    assert other.batch.good[0][1].labels["component_token"] == "[redacted]"


def test_a_known_secret_is_hidden_before_its_label_is_cut() -> None:
    KNOWN.remember("horse-4711-battery-staple")
    long = "x" * (MAX_LABEL - 20) + "horse-4711-battery-staple" + "y" * 100
    many = {f"label_{number}": "x" * 110 + "horse-4711-battery-staple" + "y" * 2000 for number in range(100)}
    assert "horse" not in received({**NAMES, "long": long}, {}).model_dump_json()
    assert "horse" not in received({**NAMES, **many}, {}).model_dump_json()


@pytest.mark.parametrize(
    "secret", ["horse-4711-battery-staple", "ghp_" + "a1B2" * 9, "AKIA" + "ABCD1234" * 2]
)
@pytest.mark.parametrize("before", ["", "horse-4711-battery-staple ", "password=hunter2hunter2hunter2 "])
def test_no_cut_leaves_half_of_a_secret(secret: str, before: str) -> None:
    """Wherever it stands, and however much was hidden before it."""
    KNOWN.remember("horse-4711-battery-staple")
    known = before * 100
    for short in (*range(0, 60, 5), *range(900, 1200, 50)):
        for most, name in ((MAX_LABEL, "long"), (MAX_ANNOTATION, "summary")):
            start = (known + "x " * most)[: most + 1100 - short] + " "
            text = f"{start}{secret} {'y ' * most}"
            alert = received({**NAMES, "long": text} if name == "long" else NAMES, {name: text})
            assert secret[:10] not in alert.model_dump_json()


def test_of_what_is_sent_only_what_is_kept_is_looked_through() -> None:
    """A quarter of a thousand annotations cost as much as the two that are kept of them."""

    def spent(count: int) -> float:
        annotations = {f"a{number}": f"{number}" + "password-" * 1800 for number in range(count)}
        began = time.process_time()
        assert len(received(NAMES, annotations).annotations) == 2
        return time.process_time() - began

    assert min(spent(250) for _ in range(3)) < 5 * min(spent(4) for _ in range(3))


@pytest.mark.parametrize(
    "part", ["eyJ-", "eyJ", "-eyJa", "PASSWORD", "token-token-", "SG.", "key_", "://a:", "pass"]
)
def test_a_text_of_four_times_the_length_takes_four_times_as_long(part: str) -> None:
    def spent(length: int) -> float:
        text = (part * length)[:length]
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    assert min(spent(64_000) for _ in range(3)) < 8 * min(spent(16_000) for _ in range(3))


@pytest.mark.parametrize(
    "around", ["{}", "x-{}", "eyJ-{}", "AKIA0123456789ABCDEF-{}", "a.{}.b", "id={};eyJ-", "é{}"]
)
def test_a_web_token_is_hidden_whatever_stands_around_it(around: str) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0"
    hidden = redact(f"got {around.format(token)} back")
    assert "c2lnbmF0" not in hidden


def test_a_secret_in_what_a_person_says_is_hidden() -> None:
    assert Spoken(text="the new password is hunter2").text == "the new password is [redacted]"
    assert "hunter2" not in Decision.model_validate({"text": "use postgres://a:hunter2@db/x"}).text
    assert Spoken(text="restarted it at 02:11, looks well").text == "restarted it at 02:11, looks well"


@pytest.mark.parametrize(
    "part", ["http://a:", "://", "%3A%2F%2Fa%3A", "basic%20", "eyJ-", "token='", "mysql a", "curl -u a:", "a"]
)
def test_no_words_of_a_person_hold_up_a_workflow(part: str) -> None:
    """A workflow task that computes for two seconds is taken for stuck."""
    words = part * (2**20 // len(part))
    began = time.process_time()
    said = Decision.model_validate({"text": words}).text
    assert time.process_time() - began < 1
    assert len(said) < 2 * LONGEST_SAID
