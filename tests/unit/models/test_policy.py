"""The policy of one incident: what it takes from the configuration, and that it keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.incidents.policy import PolicyActivities, policy_for
from models.actions.change import Risk
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.policy import Policy
from models.names import Severity
from runtime import settings

SHIPPED = settings.load(Path(__file__).parents[3] / "runbooks.yaml", {})
MINUTE = timedelta(minutes=1)


def firing(name: str, service: str = "backend", **labels: str) -> Alert:
    return Alert(name=name, service=service, starts_at=datetime.now(UTC), labels=labels)


def docker(name: str, **more: object) -> dict[str, object]:
    return {"manager": {"kind": "docker", "container": name}, **more}


def climb(policy: Policy) -> list[tuple[str, timedelta]]:
    return [(rung.role, rung.after) for rung in policy.ladder.rungs]


def test_the_shipped_service_down() -> None:
    policy = policy_for(firing("ServiceDown"), SHIPPED)
    assert (policy.runbook, policy.severity, policy.respond_within) == (
        "ServiceDown",
        Severity.CRITICAL,
        5 * MINUTE,
    )
    assert policy.service is not None
    assert policy.service.name == "backend"
    assert [service.name for service in policy.dependencies] == ["postgres"]
    assert climb(policy) == [("on-call", 0 * MINUTE), ("team-lead", 5 * MINUTE), ("cto", 10 * MINUTE)]
    assert policy.ladder.broadcast == ("slack", "log")
    assert policy.ladder.specialists["database"].role == "dba"
    assert policy.ladder.specialists["platform"].channels == SHIPPED.contacts["platform-team"]
    assert policy.alertmanager == "http://localhost:9093"
    assert policy.links["grafana"] == "http://localhost:3002"


@pytest.mark.parametrize(
    ("name", "severity", "roles"),
    [
        ("HighErrorRate", Severity.CRITICAL, ["on-call", "backend-team", "cto"]),
        ("DatabaseConnectionFailure", Severity.CRITICAL, ["on-call", "dba", "cto"]),
        ("HighApiCosts", Severity.WARNING, ["product-manager", "finance", "cto"]),
        ("HighMemoryUsage", Severity.WARNING, ["on-call", "infrastructure", "cto"]),
        ("NoProductsSynced", Severity.WARNING, ["on-call", "content-team", "cto"]),
        ("NoVideosGenerated", Severity.WARNING, ["on-call", "content-team", "cto"]),
        ("RevenueDeclining", Severity.INFO, ["product-manager", "finance", "cto"]),
    ],
)
def test_the_shipped_matrix(name: str, severity: Severity, roles: list[str]) -> None:
    policy = policy_for(firing(name), SHIPPED)
    deadline = {"critical": 5, "warning": 30, "info": 240}[severity] * MINUTE
    assert policy.severity is severity
    later = deadline / 2 if severity is Severity.INFO else timedelta()
    assert climb(policy) == [(role, later + place * deadline) for place, role in enumerate(roles)]
    assert policy.ladder.quiet_for == later, "what is only for information pages nobody at once"


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", Severity.CRITICAL),
        (" Page ", Severity.CRITICAL),
        ("info", Severity.INFO),
        ("catastrophe", Severity.WARNING),
        ("", Severity.WARNING),
    ],
)
def test_an_alert_that_is_not_configured_says_its_own_severity(label: str, severity: Severity) -> None:
    policy = policy_for(firing("SomethingNew", severity=label), SHIPPED)
    assert (policy.runbook, policy.severity) == ("AnyAlert", severity)
    assert climb(policy)[0] == ("on-call", policy.respond_within / 2 * (label == "info"))


def test_a_label_does_not_change_a_configured_severity() -> None:
    assert policy_for(firing("ServiceDown", severity="info"), SHIPPED).severity is Severity.CRITICAL


def test_an_unknown_service_is_escalated_and_not_touched() -> None:
    policy = policy_for(firing("ServiceDown", service="payments"), SHIPPED)
    assert (policy.service, policy.dependencies) == (None, ())
    assert len(policy.ladder.rungs) == 3


def test_an_empty_configuration_still_gives_a_policy() -> None:
    policy = policy_for(firing("ServiceDown", service="x"), Configuration())
    assert (policy.runbook, policy.service, policy.ladder.rungs) == ("AnyAlert", None, ())


def test_dependencies_come_nearest_first_and_once() -> None:
    configuration = Configuration.model_validate(
        {
            "services": {
                "web": docker("web", depends_on=["queue", "api"]),
                "api": docker("api", depends_on=["database", "queue"]),
                "queue": docker("queue", depends_on=["disk"]),
                "database": docker("database", depends_on=["disk"]),
                "disk": docker("disk"),
            }
        }
    )
    policy = policy_for(firing("ServiceDown", service="web"), configuration)
    assert [service.name for service in policy.dependencies] == ["queue", "api", "disk", "database"]


def test_a_rung_with_a_time_of_its_own_takes_its_place() -> None:
    configuration = Configuration.model_validate(
        {
            "alerts": {"Slow": {"severity": "warning", "respond_within": "10m", "topic": "slow"}},
            "escalation": {
                "any-alert": [],
                "slow": [
                    {"role": "chief", "after": "15m"},
                    "second",
                    "third",
                    {"role": "first", "after": "0s"},
                ],
            },
            "contacts": {"first": [], "second": [], "third": [], "chief": []},
        }
    )
    policy = policy_for(firing("Slow"), configuration)
    assert policy.respond_within == 10 * MINUTE
    assert climb(policy) == [
        ("first", 0 * MINUTE),
        ("second", 10 * MINUTE),
        ("chief", 15 * MINUTE),
        ("third", 20 * MINUTE),
    ]


def test_the_alert_s_own_word_wins() -> None:
    configuration = Configuration.model_validate(
        {
            "services": {
                "backend": docker("backend", links={"board": "http://service", "wiki": "http://wiki"})
            },
            "systems": {"sentry": "https://sentry.example.com/"},
            "risks": {"restart-service": "dangerous", "scale-out": "safe"},
            "alerts": {
                "Slow": {
                    "risks": {"restart-service": "safe"},
                    "links": {"board": "http://alert"},
                    "thresholds": {"crash_limit": 7},
                }
            },
        }
    )
    policy = policy_for(firing("Slow"), configuration)
    assert policy.risks == {"restart-service": Risk.SAFE, "scale-out": Risk.SAFE}
    assert policy.links == {
        "sentry": "https://sentry.example.com",
        "board": "http://alert",
        "wiki": "http://wiki",
    }
    assert policy.thresholds.crash_limit == 7
    assert policy_for(firing("Other"), configuration).risks["restart-service"] is Risk.DANGEROUS


def test_an_alert_may_have_a_grace_of_its_own() -> None:
    rules = {"Slow": {"page_after": "0s"}, "ServiceDown": {"page_after": "5m"}}
    configuration = Configuration.model_validate({"page_after": "2m", "alerts": rules})
    graces = [policy_for(firing(name), configuration).ladder.page_after for name in (*rules, "Other")]
    assert graces == [0 * MINUTE, 5 * MINUTE, 2 * MINUTE]
    assert policy_for(firing("ServiceDown"), SHIPPED).ladder.page_after == MINUTE
    assert policy_for(firing("ServiceDown"), Configuration()).ladder.page_after == MINUTE


async def test_the_activity_takes_the_configuration_in_force(tmp_path: Path) -> None:
    path = tmp_path / "runbooks.yaml"
    path.write_text("alerts: {ServiceDown: {severity: info}}\n")
    nowhere = await Client.connect("127.0.0.1:1", lazy=True)
    activities = PolicyActivities(settings.ConfigurationFile(path, {}), nowhere)
    environment = ActivityEnvironment()
    before = await environment.run(activities.take_policy, firing("ServiceDown"))

    path.write_text("alerts: {ServiceDown: {severity: critical}}\n")
    after = await environment.run(activities.take_policy, firing("ServiceDown"))
    assert (before.severity, after.severity) == (Severity.INFO, Severity.CRITICAL)


def test_a_policy_survives_its_journey() -> None:
    policy = policy_for(firing("ServiceDown"), SHIPPED)
    assert Policy.model_validate_json(policy.model_dump_json()) == policy
