"""Situations that look like a cause of ServiceDown, and are another one: nothing is done unasked for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.health.health_seen import HealthKind, HealthSeen
from activities.incidents.policy import policy_for
from activities.managers.docker_check import own_check_of
from activities.managers.docker_reading import seen_of
from activities.managers.process_seen import OwnCheck, ProcessSeen, ProcessState
from activities.service.host import HostSeen
from activities.service.logs import LogsSeen
from models.configuration.configuration import Configuration
from models.evidence.evidence import Evidence, Finding
from models.evidence.seen import Seen
from models.incident.alert import Alert
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION
from workflows.diagnosis import looks
from workflows.diagnosis.causes import Cause, walk
from workflows.diagnosis.look import Look
from workflows.diagnosis.situation import Situation
from workflows.runbooks.service_down import CAUSES, UNKNOWN

POLICY = policy_for(
    Alert(name="ServiceDown", service="backend", starts_at=sights.LONG_AGO),
    Configuration.model_validate(CONFIGURATION),
)
BEGAN = sights.LONG_AGO + timedelta(hours=2)
"""The alert; the process has been running for three hours."""
KILLED_FOR_MEMORY = ProcessSeen(
    finding=Finding.BAD,
    state=ProcessState.EXITED,
    exit_code=137,
    oom_killed=True,
    reason="killed by the kernel",
)
SHORT = HostSeen(finding=Finding.BAD, reason="no memory is available", short_of_memory=True)
NOW = datetime(2026, 1, 5, 3, tzinfo=UTC)


def cause_of(health: HealthSeen, process: ProcessSeen, *more: tuple[Look[Any], Evidence]) -> Cause:
    assert POLICY.service is not None
    seen = Seen().having([(looks.health, health), (looks.process, process), *more])
    return walk(CAUSES, Situation(seen, POLICY, POLICY.service, since=BEGAN), UNKNOWN).cause


def log(*lines: str, fresh: int | None = None) -> tuple[Look[Any], Evidence]:
    return looks.recent_logs, LogsSeen(finding=Finding.OK, reason="quiet", tail=lines, fresh=fresh)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (("starting", "Running migrations for Elixir.Repo"), "unknown"),
        (("applying migration 0129_reindex",), "unknown"),
        (("Migrating database, this may take a while", ""), "unknown"),
        (("No migrations to apply.", "listening on 3000", "GET / 200", "GET / 200"), "hung"),
        (("immigration office is open",), "hung"),
        ((), "hung"),
    ],
)
def test_a_migration_before_it_listens_is_not_broken_off(lines: tuple[str, ...], cause: str) -> None:
    assert cause_of(sights.REFUSED, sights.RUNNING, log(*lines)).name == cause
    silent = HealthSeen(finding=Finding.BAD, kind=HealthKind.TIMED_OUT, reason="no answer")
    assert cause_of(silent, sights.RUNNING, log(*lines)).name == "hung", "it listens already"


def test_a_migration_of_an_earlier_run_explains_nothing() -> None:
    assert cause_of(sights.REFUSED, sights.RUNNING, log("Running migrations", fresh=0)).name == "hung"


@pytest.mark.parametrize(
    ("passed", "cause"), [(timedelta(seconds=1), "unknown"), (-timedelta(seconds=1), "hung"), (None, "hung")]
)
def test_what_answers_its_own_healthcheck_is_not_hung(passed: timedelta | None, cause: str) -> None:
    """The firewall's rules are gone, or its port is not published any more: a restart is offered."""
    at = None if passed is None else BEGAN + passed
    process = sights.RUNNING.model_copy(update={"own_check": OwnCheck.HEALTHY, "own_check_passed_at": at})
    found = cause_of(sights.REFUSED, process)
    assert found.name == cause
    assert found.asks is (cause == "unknown")


def test_on_a_machine_without_memory_no_limit_is_raised() -> None:
    assert cause_of(sights.REFUSED, KILLED_FOR_MEMORY).name == "out of memory"
    assert cause_of(sights.REFUSED, KILLED_FOR_MEMORY, (looks.host, SHORT)).name == "crash"


def test_a_service_that_says_that_it_is_down_while_it_migrates_is_asked_about() -> None:
    """It answers: a restart would begin the migration anew."""
    says = HealthSeen(
        finding=Finding.BAD,
        kind=HealthKind.UNHEALTHY_BODY,
        status=503,
        reason="answered 503, and says 'down'",
    )
    assert cause_of(says, sights.RUNNING) is UNKNOWN


def inspected(status: str, exit_code: int, policy: str = "no", **state: object) -> ProcessSeen:
    """As `docker inspect` has it; the engine remembers no event of it."""
    began, ended = "2026-01-05T01:00:00Z", "2026-01-05T02:00:00Z"
    told = {"Status": status, "ExitCode": exit_code, "StartedAt": began, "FinishedAt": ended, **state}
    host = {"RestartPolicy": {"Name": policy}}
    return seen_of({"State": told, "HostConfig": host, "Config": {"Image": "web"}, "Image": "sha256:1"}, NOW)


@pytest.mark.parametrize(
    ("exit_code", "policy", "cause"),
    [
        (0, "on-failure", "stopped by somebody"),
        (255, "always", "stopped by somebody"),
        (255, "unless-stopped", "stopped by somebody"),
        (255, "no", "crash"),
    ],
)
def test_after_a_hard_reboot_what_may_have_been_stopped_is_asked_about(
    exit_code: int, policy: str, cause: str
) -> None:
    found = cause_of(sights.REFUSED, inspected("exited", exit_code, policy))
    assert (found.name, found.asks) == (cause, cause != "crash")


def test_a_paused_container_that_counts_as_unhealthy_is_asked_about() -> None:
    health = {"Status": "unhealthy", "FailingStreak": 9, "Log": [{"ExitCode": 1, "Output": "paused"}]}
    found = cause_of(sights.REFUSED, inspected("paused", 0, Health=health))
    assert (found.name, found.asks) == ("stopped by somebody", True)


def test_a_healthcheck_that_cannot_enter_its_container_says_nothing() -> None:
    last = {"ExitCode": -1, "Output": "cannot exec in a stopped state: unknown"}
    assert own_check_of({"Status": "unhealthy", "FailingStreak": 97892, "Log": [last]}) is OwnCheck.BROKEN
