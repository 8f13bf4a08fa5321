"""HighErrorRate: what speaks for each cause, and what against it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.app.executions import ExecutionsSeen, FailedType
from activities.health.health_seen import HealthSeen
from activities.incidents.policy import policy_for
from activities.incidents.stewardship import HistorySeen
from activities.monitoring.metrics import LabelledValue
from activities.monitoring.providers import ProviderCallsSeen, ProviderKind, ProviderSeen, ProvidersSeen
from activities.monitoring.sentry import Issue, SentrySeen
from activities.monitoring.service_metrics import CpuSeen
from activities.service.logs import LogMatch, LogsSeen
from models.actions.plan import Plan
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.evidence.evidence import Evidence, Finding
from models.evidence.seen import Seen
from models.incident.alert import Alert
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION
from workflows.diagnosis import looks
from workflows.diagnosis.causes import Walked, walk
from workflows.diagnosis.look import Look
from workflows.diagnosis.plans import degrade
from workflows.diagnosis.provider_failures import SOMEBODY, ProviderFailure, only_texts, provider_failures
from workflows.diagnosis.situation import Situation
from workflows.runbooks.high_error_rate import CAUSES, UNKNOWN

POLICY = policy_for(
    Alert(name="HighErrorRate", service="backend", starts_at=sights.LONG_AGO),
    Configuration.model_validate(CONFIGURATION),
)
assert POLICY.service is not None
BEGAN = sights.LONG_AGO
MINUTE = timedelta(minutes=1)
ERRORS = sights.MANY_ERRORS.model_copy(
    update={"since": BEGAN, "good_until": BEGAN - MINUTE / 4, "observed_at": BEGAN + 5 * MINUTE}
)
REFUSES_US = ProvidersSeen(
    reason="openai: answered 401",
    providers=(
        ProviderSeen(
            name="openai",
            finding=Finding.UNKNOWN,
            reason="answered 401",
            kind=ProviderKind.REFUSES_US,
            status=401,
        ),
    ),
)
ANSWERS_WELL = ProvidersSeen(
    finding=Finding.OK,
    reason="all answer: openai",
    providers=(
        ProviderSeen(name="openai", finding=Finding.OK, reason="200", kind=ProviderKind.UP, status=200),
    ),
)


def situation(*found: tuple[Look[Evidence], Evidence]) -> Situation:
    assert POLICY.service is not None
    running = sights.RUNNING.model_copy(update={"started_at": None})
    usual = [(looks.errors, ERRORS), (looks.health, sights.HEALTHY), (looks.process, running)]
    return Situation(Seen().having(usual).having(found), POLICY, POLICY.service)


def walked(*found: tuple[Look[Evidence], Evidence]) -> Walked:
    return walk(CAUSES, situation(*found), UNKNOWN)


def log(*lines: str) -> LogsSeen:
    """A log whose pattern of an open circuit matches, with these lines at its end."""
    match = LogMatch(count=1, sample=lines[-1])
    return LogsSeen(finding=Finding.BAD, reason="circuit-open", tail=lines, matches={"circuit-open": match})


def issue(title: str, culprit: str = "", first_seen: datetime = BEGAN, last_seen: datetime = BEGAN) -> Issue:
    return Issue(
        short_id="B-1", title=title, culprit=culprit, count=9, first_seen=first_seen, last_seen=last_seen
    )


def sentry(*issues: Issue, new: bool = False) -> SentrySeen:
    return SentrySeen(finding=Finding.BAD, reason="issues", top=issues, new=issues if new else ())


def deployment(at: datetime) -> HistorySeen:
    """The running version of that moment, and a healthy one before it."""
    old = Deployment(service="backend", version="backend:1", deployed_at=at - 99 * MINUTE, healthy_at=at)
    new = Deployment(service="backend", version="backend:2", deployed_at=at, current=True)
    return HistorySeen(finding=Finding.OK, reason="two", deployments=(new, old))


@pytest.mark.parametrize("probe", [REFUSES_US, ANSWERS_WELL], ids=["probe 401", "probe 200"])
@pytest.mark.parametrize(
    "found",
    [
        (looks.recent_logs, log("WARN circuit breaker for openai: CLOSED -> OPEN")),
        (looks.recent_logs, log("Error: CircuitOpenError calling api.openai.com")),
        (
            looks.provider_calls,
            ProviderCallsSeen(
                finding=Finding.BAD, reason="90 %", failing=(LabelledValue(label="openai", value=0.9),)
            ),
        ),
        (looks.issues, sentry(issue("OpenAI API error: 503"))),
        (looks.issues, sentry(issue("TypeError: fetch failed: connect ECONNREFUSED api.openai.com:443"))),
        (looks.issues, sentry(issue("ConnectTimeout", "POST https://api.openai.com/v1/chat/completions"))),
        (looks.health, sights.NAMES_PROVIDER),
    ],
    ids=[
        "circuit",
        "circuit by host",
        "own calls",
        "Sentry by name",
        "as fetch says it",
        "Sentry by host in a URL",
        "own word",
    ],
)
def test_one_who_says_that_a_provider_fails_is_enough(
    probe: ProvidersSeen, found: tuple[Look[Evidence], Evidence]
) -> None:
    """Also while it was deployed a moment ago: what can be reverted comes first."""
    history = (looks.history, deployment(BEGAN - MINUTE))
    assert walked((looks.providers, probe), found, history).cause.name == "external API down"
    plan = degrade(situation((looks.providers, probe), found))
    assert plan is not None
    assert plan.says == "degrade backend gracefully while openai is down"
    assert "openai" in plan.why


@pytest.mark.parametrize(
    "found",
    [
        (looks.providers, REFUSES_US),
        (looks.recent_logs, log("circuit openai: OPEN", "circuit openai: HALF_OPEN -> CLOSED")),
        (looks.recent_logs, log("circuit check of openai is ok")),
        (looks.recent_logs, log("circuit breaker postgres is open")),
        (looks.issues, sentry(issue("TypeError: openai.chat is not a function"))),
        (looks.issues, sentry(issue("OpenAI API error: 401 Incorrect API key provided"))),
        (looks.issues, sentry(issue("TypeError: undefined (reading 'openai') of connection"))),
        (looks.issues, sentry(issue("BadRequestError: 400 from openai, invalid value of 'network'"))),
        (looks.issues, sentry(issue("Redis connection refused while an answer of openai is cached"))),
        (looks.issues, sentry(issue("PrismaClientKnownRequestError: timed out: saving usage of openai"))),
        (looks.issues, sentry(issue("TimeoutError: pool", "GET /api/openai/history"))),
        (looks.issues, sentry(issue("OpenAI API error: 503", last_seen=BEGAN - timedelta(hours=3)))),
        (looks.issues, sentry(issue("connection refused: api.openai.com.example.org"))),
    ],
    ids=[
        "our probe is refused",
        "the circuit is closed again",
        "a circuit that is not open",
        "the circuit of a database",
        "a bug of our own",
        "our credentials",
        "a bug of our own with a word of a network",
        "a wrong request",
        "a store that refuses",
        "a database that does not answer",
        "a route of our own",
        "over before the errors began",
        "another host",
    ],
)
def test_what_says_nothing_of_a_provider(found: tuple[Look[Evidence], Evidence]) -> None:
    now = situation(found)
    assert provider_failures(now, ERRORS.since) == ()


@pytest.mark.parametrize(
    ("line", "is_open"),
    [
        ("circuit of openai: opens after 5 failures", False),
        ("circuit of openai did not open: 2 of 5 failures", False),
        ("circuit of openai is closed, after it was open for 30 s", False),
        ("circuit of openai: state=CLOSED openedAt=null", False),
        ("circuit of openai: isOpen: false", False),
        ('{"event": "circuit", "of": "openai", "state": "closed", "opens": 1}', False),
        ("short circuit for openai: opening the cached file", False),
        ("GET /circuit-boards/open 200", False),
        ("circuit of openai was opened", True),
        ("circuit of openai opened after 5 failures, will close in 30 s", True),
        ("circuit of openai: OPEN (was CLOSED)", True),
        ("circuit of openai: isOpen: true", True),
        ("CircuitBreaker 'openai' is OPEN and does not permit further calls", True),
    ],
)
def test_a_line_that_only_speaks_of_opening_is_no_open_circuit(line: str, is_open: bool) -> None:
    found = provider_failures(situation((looks.recent_logs, log("it runs", line))))
    assert [one.name for one in found] == ["openai"] * is_open


@pytest.mark.parametrize(
    ("heard", "alone"),
    [
        ([("openai", "text")], True),
        ([("openai", "text"), ("meta", "text")], True),
        ([("openai", "text"), ("meta", "ours")], True),
        ([("openai", "text"), ("openai", "ours")], False),
        ([(SOMEBODY, "text"), ("meta", "ours")], False),
        ([("openai", "text"), ("meta", "measured")], False),
        ([("openai", "measured")], False),
        ([("openai", "ours")], False),
        ([], False),
    ],
)
def test_texts_alone_are_told_from_what_is_measured(heard: list[tuple[str, str]], alone: bool) -> None:
    failures = [
        ProviderFailure(name, "", only_ours=how == "ours", only_text=how == "text") for name, how in heard
    ]
    assert only_texts(tuple(failures)) is alone


def test_a_circuit_that_only_tries_again_is_not_closed() -> None:
    tries = log(
        "circuit openai: OPEN",
        "circuit openai: HALF_OPEN",
        "circuit openai: OPEN",
        "circuit openai: half-open",
    )
    (failure,) = provider_failures(situation((looks.recent_logs, tries)))
    assert failure.name == "openai"


def test_each_circuit_has_a_state_of_its_own() -> None:
    both = log("circuit closed for openai", "circuit opened for a supplier", "circuit of redis open")
    (failure,) = provider_failures(situation((looks.recent_logs, both)))
    assert failure.name == "a provider"


def test_the_applications_own_calls_clear_a_provider() -> None:
    calls = ProviderCallsSeen(finding=Finding.OK, reason="0 %", serving=("OpenAI",))
    found = walked((looks.providers, sights.PROVIDER_DOWN), (looks.provider_calls, calls))
    assert (found.cause, len(found.ruled_out)) == (UNKNOWN, 1)


@pytest.mark.parametrize(
    ("deployed_ago", "good_until", "issues", "blamed"),
    [
        (MINUTE, MINUTE / 4, None, True),
        (20 * MINUTE, MINUTE / 4, None, True),
        (31 * MINUTE, MINUTE / 4, None, False),
        (-5 * MINUTE, MINUTE / 4, None, False),
        (MINUTE, None, None, False),
        (MINUTE, 10 * MINUTE, None, True),
        (MINUTE, MINUTE / 4, sentry(issue("boom"), new=True), True),
        (MINUTE, MINUTE / 4, sentry(issue("boom", first_seen=BEGAN - timedelta(days=9))), False),
    ],
    ids=[
        "right after it",
        "within the bound",
        "long after it",
        "before it",
        "nobody saw them begin",
        "it left a gap",
        "a new error",
        "the same error in the version before",
    ],
)
def test_which_deployment_is_blamed(
    deployed_ago: timedelta, good_until: timedelta | None, issues: SentrySeen | None, blamed: bool
) -> None:
    errors = ERRORS.model_copy(update={"good_until": good_until and BEGAN - good_until})
    found = walked(
        (looks.errors, errors),
        (looks.history, deployment(BEGAN - deployed_ago)),
        (looks.issues, issues or sights.NO_ISSUES),
    )
    assert (found.cause.name == "bad deployment") is blamed


@pytest.mark.parametrize(
    ("started_ago", "heap", "leaks"),
    [
        (timedelta(days=1), {}, True),
        (timedelta(days=1), {"floor": 0.55, "full_in": 5 * MINUTE}, True),
        (timedelta(seconds=30), {}, False),
        (timedelta(days=1), {"finding": Finding.OK, "floor": 0.55}, False),
        (timedelta(days=1), {"certain": False}, False),
        (timedelta(days=1), {"traffic_grew": 3.0}, False),
    ],
    ids=[
        "nearly full",
        "certainly full soon",
        "it has just started",
        "it grows, and is 55 % full",
        "it is not certain that it grows",
        "it grows with the traffic",
    ],
)
def test_which_growth_is_a_leak(started_ago: timedelta, heap: dict[str, Any], leaks: bool) -> None:
    process = sights.RUNNING.model_copy(update={"started_at": BEGAN - started_ago, "observed_at": BEGAN})
    memory = sights.FILLING_HEAP.model_copy(update=heap)
    found = walked((looks.process, process), (looks.memory, memory))
    assert (found.cause.name == "memory leak") is leaks


def test_an_idle_cpu_is_no_lack_of_capacity() -> None:
    full = (looks.process, sights.at_its_limit())
    assert walked(full).cause.name == "out of capacity"
    idle = (looks.cpu, CpuSeen(finding=Finding.OK, reason="0.1 cores", cores=0.1))
    assert walked(full, idle).cause is UNKNOWN


def test_workflows_that_failed_before_the_errors_explain_nothing() -> None:
    def failed(at: datetime) -> tuple[Look[Evidence], Evidence]:
        one = FailedType(type="Sync", count=1, workflow_id="sync-1", closed_at=at)
        return looks.executions, ExecutionsSeen(finding=Finding.BAD, reason="1", total=1, types=(one,))

    assert walked(failed(BEGAN + MINUTE)).cause.name == "workflow failures"
    assert walked(failed(BEGAN - timedelta(hours=1))).cause is UNKNOWN


def test_a_health_check_that_names_something_else_clears_the_database() -> None:
    sessions = (looks.sessions, sights.deadlocked())
    assert walked(sessions).cause.name == "database deadlock"
    names = HealthSeen(finding=Finding.BAD, reason="redis is down", names=("redis",))
    assert walked(sessions, (looks.health, names)).cause is UNKNOWN


def test_what_nothing_explains_is_a_question_with_one_restart() -> None:
    found = walked()
    assert (found.cause, found.cause.asks) == (UNKNOWN, True)
    plan = found.cause.fix(situation())
    assert isinstance(plan, Plan)
    assert plan.says == "restart backend"
