"""NoProductsSynced: what errors of real shops and schedules speak of, in words as people met them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.incidents.policy import policy_for
from activities.monitoring.sentry import Issue, SentrySeen
from models.configuration.configuration import Configuration
from models.evidence.evidence import Evidence, Finding
from models.evidence.seen import Seen
from models.incident.alert import Alert
from models.service.service import Service
from tests.scenarios.no_products_synced import WARNING
from tests.workflows import product_sights, sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.product_sights import NOW, STALE, failed, logged, loop, run
from workflows.diagnosis.causes import Walked, walk
from workflows.diagnosis.situation import Situation
from workflows.incident.waits import bounded
from workflows.products.failures import sync_failure, sync_goes_on
from workflows.products.plans import sync
from workflows.runbooks.no_products_synced import CAUSES, UNKNOWN, limit_left

POLICY = policy_for(
    Alert(name="NoProductsSynced", service="backend", starts_at=sights.LONG_AGO),
    Configuration.model_validate(merged(CONFIGURATION, WARNING)),
)
HOUR = timedelta(hours=1)


def situation(**seen: Evidence) -> Situation:
    service = POLICY.service
    assert isinstance(service, Service)
    return Situation(Seen({"last_sync": STALE, "schedules": product_sights.QUIET, **seen}), POLICY, service)


def walked(**seen: Evidence) -> Walked:
    return walk(CAUSES, situation(**seen), UNKNOWN)


def cause(**seen: Evidence) -> str:
    return walked(**seen).cause.name


def issue(title: str, hours_ago: float) -> SentrySeen:
    at = NOW - hours_ago * HOUR
    one = Issue(short_id="B-1", title=title, count=3, first_seen=at, last_seen=at)
    return SentrySeen(finding=Finding.BAD, reason=title, top=(one,))


@pytest.mark.parametrize(
    ("says", "named"),
    [
        ("com.amazon.paapi5#TooManyRequestsException: denied due to request throttling", "rate limit"),
        ("Amazon: 503 RequestThrottled: you are submitting requests too quickly", "rate limit"),
        ("Request failed with status code 429", "rate limit"),
        ("Amazon: daily quota of requests was exceeded", "rate limit"),
        ("SignatureDoesNotMatch: Signature expired: it is earlier than the time less 5 min", "clock wrong"),
        ("InvalidSignatureException: Signature not yet current", "clock wrong"),
        ("403 RequestTimeTooSkewed: the difference of the times is too large", "clock wrong"),
        ("the request signature we calculated does not match: check the secret", "invalid credentials"),
        ("UnrecognizedClient: the access key or security token is invalid", "invalid credentials"),
        ("AssociateNotEligible: your account does not meet the requirements", "invalid credentials"),
        ("InvalidSignature: [redacted] key has expired", "invalid credentials"),
        ("getaddrinfo ENOTFOUND webservices.amazon.com", "API error"),
        ("Amazon answered 503 Service Unavailable", "API error"),
        ("PrismaClientKnownRequestError: unique constraint failed", "loop crashed"),
    ],
)
def test_what_the_newest_run_says(says: str, named: str) -> None:
    assert cause(schedules=failed(f"activity fetch: {says}")) == named


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"level":"error","api":"amazon","status":429,"msg":"request failed"}', "rate limit"),
        ("AmazonService: Error: Request failed with status code 401", "invalid credentials"),
        ("amazon: HTTP/1.1 403 Forbidden", "invalid credentials"),
        ("amazon: fetched 429 products in 2 s", "unknown"),
        ("amazon: 401 products are unchanged, 12 failed", "API error"),
        ("amazon: synced 12 products", "unknown"),
        ("GET /api/products 429 12ms", "unknown"),
        ("openai: 429 Too Many Requests", "unknown"),
        ("AmazonBot/1.0 GET /robots.txt 200", "unknown"),
    ],
)
def test_what_its_log_says(line: str, named: str) -> None:
    assert cause(logs=logged(line)) == named


def test_the_name_of_a_run_is_no_status() -> None:
    named_429 = run(workflow_id="loop-429", error="TypeError: undefined")
    assert cause(schedules=loop(named_429)) == "loop crashed"


def test_lines_of_before_its_last_start_explain_nothing() -> None:
    log = logged("amazon: 429 Too Many Requests", "backend starts").model_copy(update={"fresh": 1})
    assert cause(logs=log) == "unknown"


def test_the_newest_line_counts() -> None:
    assert cause(logs=logged("amazon: 401 Unauthorized", "amazon: 429 Too Many Requests")) == "rate limit"


def test_an_issue_counts_if_it_was_seen_since_the_last_sync() -> None:
    assert cause(issues=issue("Amazon Associates: 401 Unauthorized", 1)) == "invalid credentials"
    assert cause(issues=issue("Amazon Associates: 401 Unauthorized", 5)) == "unknown"
    assert cause(issues=issue("OpenAI: 401 Unauthorized", 1)) == "unknown"


def test_what_the_application_says_itself_counts() -> None:
    told = STALE.model_copy(update={"error": "Amazon: rate limited, retry after 20 min"})
    assert cause(last_sync=told) == "rate limit"
    failure = sync_failure(situation(last_sync=told))
    assert failure is not None
    assert failure.retry_after == timedelta(minutes=20)


def test_an_error_without_a_time_does_not_win_over_the_newest_run() -> None:
    told = STALE.model_copy(update={"error": "Amazon answered 401"})
    assert cause(last_sync=told, schedules=product_sights.BROKEN) == "API error"
    assert cause(last_sync=told, schedules=failed("Amazon: connect ECONNREFUSED")) == "API error"
    assert cause(last_sync=told, schedules=failed("activity fetch failed")) == "invalid credentials"
    newer = told.model_copy(update={"error_at": NOW})
    assert cause(last_sync=newer, schedules=product_sights.BROKEN) == "invalid credentials"


def test_of_two_errors_the_newer_one_counts() -> None:
    older, newer = issue("Amazon Associates: 401", 2), issue("Amazon Associates: 401", 0.5)
    assert cause(issues=older, schedules=product_sights.LIMITED) == "rate limit"
    assert cause(issues=newer, schedules=product_sights.LIMITED) == "invalid credentials"


@pytest.mark.parametrize(
    ("says", "waits"),
    [
        ("429", HOUR),
        ("429, Retry-After: 30", timedelta(seconds=30)),
        ("429, retry after 86400 s", 2 * HOUR),
        ("429, try again: retryAfterMs=1500", HOUR),
        ("429, Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", HOUR),
    ],
)
def test_a_rate_limit_is_waited_for_as_it_says_within_bounds(says: str, waits: timedelta) -> None:
    failure = sync_failure(situation(schedules=failed(f"Amazon: {says}")))
    assert failure is not None
    assert bounded(failure.retry_after) == waits


def test_what_was_waited_already_is_not_waited_for_again() -> None:
    assert limit_left(situation(schedules=failed("Amazon: 429"))) == timedelta(minutes=10)
    assert limit_left(situation(schedules=failed("Amazon: 429, retry after 60 s"))) == timedelta()


def test_a_run_that_is_tried_again_is_not_at_work() -> None:
    again = run(status="running", closed_at=None, started_at=NOW - HOUR / 60, attempts=4, error="Amazon: 429")
    assert not sync_goes_on(situation(schedules=loop(again)))
    assert cause(schedules=loop(again)) == "rate limit"


def test_another_part_of_the_loop_that_failed_after_it_had_synced_is_no_crash_of_the_sync() -> None:
    after = run(error="OpenAI answered 500", started_at=sights.LONG_AGO - HOUR / 60)
    assert walked(schedules=loop(after)).ruled_out == ("loop crashed (it had synced before it failed)",)


def test_one_that_was_paused_by_the_server_is_unpaused_with_the_sync() -> None:
    note = "paused due to workflow failure: loop-1: TypeError"
    plan = sync(situation(schedules=loop(run(error="TypeError"), paused=True, note=note)))
    assert [step.kind for step in plan.steps] == ["unpause-schedule", "sync-products"]


def test_one_that_was_paused_by_an_incident_is_asked_about() -> None:
    seen = loop(paused=True, note="runbooks: costs run away", on_purpose="another incident paused it")
    found = walked(schedules=seen)
    assert found.cause.name == "paused on purpose"
    assert found.cause.asks


def test_a_temporal_that_cannot_be_asked_is_no_cause() -> None:
    assert (
        cause(schedules=product_sights.UNNAMED.model_copy(update={"finding": Finding.UNKNOWN})) == "unknown"
    )
