"""Causes that nobody found, grouped, each with the evidence that would have told it."""

from __future__ import annotations

from datetime import timedelta

from activities.lessons.kept import Kept
from activities.lessons.rows import CauseRow
from activities.lessons.unknown_causes import grouped, unknown_causes
from models.checks.item import ItemResult, ItemState
from models.incident.review import Review
from tests.unit.lessons.kept import evidence, review

ROWS = {
    "ServiceDown": (
        CauseRow(name="crash", evidence="it ended", reads=("process",)),
        CauseRow(name="port conflict", evidence="in use", reads=("logs", "port")),
        CauseRow(name="out of memory", evidence="heap", reads=("logs", "process")),
    )
}
BLIND = evidence(health="bad: no answer", port="unknown: permission denied", logs="unknown: no container")
SEEN = evidence(health="bad: answers 500", process="ok: it runs")


def found(*reviews: Review, reason: str = "") -> ItemResult:
    return unknown_causes(Kept(reviews, reason=reason), ROWS, "the last 30 days")


def test_the_evidence_that_would_have_told_it() -> None:
    one = found(review("unknown", evidence=BLIND), review("crash"))
    assert one.state is ItemState.ATTENTION
    assert one.reason == "1 of 2 incidents of the last 30 days have no known cause, in 1 groups"
    assert one.details == (
        "ServiceDown of backend, once: logs (no container) would have told: port conflict, out of memory",
    )
    (cells,) = one.tables[0].rows
    assert cells[4:] == (
        "no answer",
        "logs (no container) would have told: port conflict, out of memory;"
        " port (permission denied) would have told: port conflict",
    )


def test_the_same_of_one_service_is_one_group_and_the_most_frequent_first() -> None:
    reviews = [
        review("unknown", timedelta(days=9), evidence=SEEN),
        review("unknown", timedelta(days=5), evidence=BLIND),
        review("unknown", timedelta(days=2), evidence=SEEN),
        review("unknown", timedelta(days=1), evidence=evidence(host="bad: no room")),
    ]
    assert [(len(group.reviews), group.seen) for group in grouped(reviews)] == [
        (3, ("health",)),
        (1, ("host",)),
    ]


def test_what_was_all_seen_is_a_new_cause() -> None:
    (said,) = found(review("unknown", evidence=SEEN)).details
    assert said.endswith("everything was seen, and no row fits: add this cause to the runbook")


def test_evidence_that_no_row_reads_would_have_told_nothing() -> None:
    (said,) = found(review("unknown", evidence=evidence(issues="unknown: 401"))).details
    assert "no row fits" in said


def test_an_alert_without_a_runbook_is_named_by_itself() -> None:
    reviews = [review("", runbook="AnyAlert", alert="DiskFull"), review("", runbook="AnyAlert", alert="Odd")]
    assert [one.partition(":")[0] for one in found(*reviews).details] == [
        "DiskFull of backend, once",
        "Odd of backend, once",
    ]


def test_an_alert_that_was_over_before_it_was_looked_at_has_no_unknown_cause() -> None:
    assert found(review("")).state is ItemState.OK


def test_no_incident_is_fine_and_no_directory_is_unknown() -> None:
    assert found().reason == "0 of 0 incidents of the last 30 days have no known cause"
    assert found(reason="the kept reviews cannot be listed").state is ItemState.UNKNOWN
