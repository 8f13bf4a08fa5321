"""Walking a causes table: the first that matches wins, the others are kept."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.health.dependencies import DependenciesSeen
from activities.incidents.policy import policy_for
from activities.incidents.stewardship import HistorySeen
from activities.managers.process_seen import ProcessSeen, ProcessState
from activities.postgres.database_seen import DatabaseSeen
from activities.service.logs import LogMatch, LogsSeen
from activities.service.ports import PortOwner
from models.configuration.configuration import Configuration
from models.evidence.evidence import Finding
from models.evidence.seen import Seen
from models.incident.alert import Alert
from models.incident.stewardship import Remembered
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION
from tests.workflows.world import EVERY_LOOK
from workflows.diagnosis import how_it_runs, looks
from workflows.diagnosis.causes import UNKNOWN, Cause, ask_a_human, never, walk
from workflows.diagnosis.database_signs import application_cannot_connect
from workflows.diagnosis.plans import free_the_port_then_start, restart, restart_dependent, start
from workflows.diagnosis.situation import Situation
from workflows.runbooks.classes import RUNBOOKS

POLICY = policy_for(
    Alert(name="ServiceDown", service="backend", starts_at=sights.LONG_AGO),
    Configuration.model_validate(CONFIGURATION),
)
assert POLICY.service is not None
SERVICE = POLICY.service
MATCH = LogMatch(count=1, sample="terminating connection")

TABLES = {
    runbook.__name__: sys.modules[runbook.__module__].CAUSES
    for runbook in RUNBOOKS
    if hasattr(sys.modules[runbook.__module__], "CAUSES")
}
ROWS = [pytest.param(cause, id=f"{name}: {cause.name}") for name, table in TABLES.items() for cause in table]


def now(seen: Seen) -> Situation:
    return Situation(seen, POLICY, SERVICE)


def with_process(process: ProcessSeen) -> Situation:
    return now(Seen().having([(looks.process, process)]))


def cause(name: str, *, matches: bool) -> Cause:
    return Cause(name=name, evidence="", matches=lambda _: matches, remedy="", fix=ask_a_human)


@given(st.lists(st.booleans(), max_size=6))
def test_the_first_that_matches_wins_and_the_others_are_kept(matching: list[bool]) -> None:
    table = [cause(str(number), matches=one) for number, one in enumerate(matching)]
    found, also_seen, *_ = walk(table, now(Seen()))
    expected = [one.name for one, matches in zip(table, matching, strict=True) if matches]
    assert [found.name, *also_seen] == (expected or [UNKNOWN.name])


def test_a_runbook_may_have_its_own_answer_to_the_unknown() -> None:
    own = cause("own", matches=True)
    assert walk([cause("no", matches=False)], now(Seen()), own) == (own, (), (), "", ())


def test_what_is_contradicted_is_not_the_cause_and_is_told() -> None:
    against = replace(cause("first", matches=True), contradicts=lambda _: True, contradicted_by="it answers")
    walked = walk([against, cause("second", matches=True)], now(Seen()))
    assert walked.says == "second; ruled out: first (it answers)"
    assert walk([against], now(Seen())).cause is UNKNOWN


@pytest.mark.parametrize("row", ROWS)
def test_what_contradicts_is_told_in_words(row: Cause) -> None:
    assert (row.contradicts is never) == (row.contradicted_by == "")


@pytest.mark.parametrize("row", ROWS)
def test_what_was_not_looked_at_explains_nothing(row: Cause) -> None:
    assert not row.matches(now(Seen()))


@pytest.mark.parametrize("row", ROWS)
def test_what_could_not_be_seen_explains_nothing(row: Cause) -> None:
    blind = [(look, look.result(reason="could not be checked")) for look in EVERY_LOOK]
    assert not row.matches(now(Seen().having(blind)))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_reads_as_a_row(row: Cause) -> None:
    assert all((row.name, row.evidence, row.remedy))
    assert not row.evidence.endswith(".")
    assert row.pages in {None, *CONFIGURATION["specialists"]}


def test_names_are_told_apart() -> None:
    for table in TABLES.values():
        names = [row.name for row in table]
        assert len(names) == len(set(names))


def test_a_restart_becomes_a_start_when_it_has_stopped_meanwhile() -> None:
    stopped = with_process(sights.crashed(sights.LONG_AGO))
    assert restart(stopped) == start(stopped)
    assert restart(with_process(sights.RUNNING)).says == "restart backend"


def process(**changes: object) -> Situation:
    """The service's process in a state of its own."""
    return with_process(sights.crashed(sights.LONG_AGO).model_copy(update=changes))


def named(situation: Situation) -> str:
    return walk(TABLES["ServiceDown"], situation)[0].name


def test_a_loop_for_want_of_memory_is_cured_by_memory() -> None:
    state = {"state": ProcessState.RESTARTING, "oom_killed": True, "exit_code": 137, "restarts": 5}
    assert named(process(**state)) == "out of memory"


def test_restarts_of_long_ago_are_no_crash_loop() -> None:
    """Docker counts them for as long as the container exists."""
    ran = {"restarts": 3, "started_at": sights.LONG_AGO - timedelta(days=9), "finished_at": sights.LONG_AGO}
    assert named(process(**ran)) == "crash"
    assert named(process(**{**ran, "started_at": sights.LONG_AGO - timedelta(seconds=9)})) == "crash loop"


def test_the_broken_one_of_two_applications_is_restarted() -> None:
    jobs = SERVICE.model_copy(update={"name": "jobs"})
    policy = POLICY.model_copy(update={"dependents": (SERVICE, jobs)})
    plan = restart_dependent("jobs")(Situation(Seen(), policy, SERVICE))
    assert plan.says == "restart jobs"


def test_what_an_incident_started_is_not_between_two_crashes_of_a_loop() -> None:
    running = sights.brought_back(603, 303, 3, age=90)
    began = running.started_at
    assert began is not None
    second = timedelta(seconds=1)
    start_of_ours = Remembered(
        says="start backend",
        approved_by="policy",
        done=True,
        found="",
        started_at=began - second / 2,
        finished_at=began + 3 * second,
    )
    earlier = start_of_ours.model_copy(
        update={"started_at": began - 600 * second, "finished_at": began - 590 * second}
    )
    seen = Seen().having([(looks.process, running), (looks.health, sights.REFUSED)])
    for performed, loops in (((), True), ((earlier,), True), ((start_of_ours,), False)):
        situation = now(seen.having([(looks.history, HistorySeen(performed=performed))]))
        assert how_it_runs.loops(situation) is loops
        assert how_it_runs.not_hung(situation) is loops


def test_nobody_is_asked_to_kill_what_could_not_be_told_from_another() -> None:
    def with_owner(owner: PortOwner | None) -> Situation:
        port = sights.TAKEN_PORT.model_copy(update={"owner": owner})
        return now(Seen().having([(looks.port_owner, port)]))

    owner = sights.TAKEN_PORT.owner
    assert owner is not None
    assert free_the_port_then_start(with_owner(owner))
    assert free_the_port_then_start(with_owner(owner.model_copy(update={"identity": None}))) is None


def test_a_database_that_fails_confirms_more_tellingly_than_a_log() -> None:
    log = LogsSeen(finding=Finding.BAD, reason="database-lost (1)", matches={"database-lost": MATCH})
    seen = Seen().having(
        [(looks.dependents, DependenciesSeen(finding=Finding.BAD)), (looks.dependents_logs, log)]
    )
    refused = DatabaseSeen(finding=Finding.BAD, reason="connection refused at 10.0.0.4:5432")
    well = DatabaseSeen(finding=Finding.OK, reason="it answers")
    assert application_cannot_connect(now(seen.having([(looks.database, refused)]))) == refused
    assert application_cannot_connect(now(seen.having([(looks.database, well)]))) == log
