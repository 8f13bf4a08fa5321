"""Plans and their digests; what is done without asking, and what the configuration changes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from pydantic import TypeAdapter, ValidationError

from models.actions.answers import RunScript
from models.actions.application import PauseSchedule, SyncProducts, TriggerSchedule, UnpauseSchedule
from models.actions.change import Risk
from models.actions.database import (
    AnalyzeTables,
    RaiseMaxConnections,
    RestartDatabase,
    Session,
    TableStatistics,
    TerminateSessions,
)
from models.actions.endpoints import AnswerMaintenance, DisableEndpoint, ReopenEndpoint
from models.actions.executions import RetryWorkflow
from models.actions.kinds import Action, kinds
from models.actions.memory import ClearCache, TakeDiagnostic
from models.actions.plan import AUTOMATIC, WHEN_URGENT, Choice, Plan, offered
from models.actions.service import (
    KillProcess,
    RaiseMemoryLimit,
    RestartService,
    RollBack,
    ScaleOut,
    StartService,
)
from models.actions.surroundings import (
    CleanUpFiles,
    Degrade,
    ReattachNetwork,
    RecreateService,
    RestoreService,
    SetEnvironment,
)
from models.actions.videos import (
    GenerateVideos,
    RaiseBudget,
    RestoreBudget,
    UseBackupGenerator,
    UseUsualGenerator,
    WaitForReset,
)
from models.names import Severity
from models.service.process import ProcessIdentity
from models.service.service import DockerManager, RollBackScript, Service

AT = datetime(2026, 3, 1, tzinfo=UTC)
GIB = 2**30
BACKEND = Service(name="backend", manager=DockerManager(container="backend"))
THIEF = ProcessIdentity(boot="b5ad", started=1, executable="/bin/thief", device=1, inode=2, owner=3)
KILL = KillProcess(service=BACKEND, pid=77, process="thief", started_at=AT, identity=THIEF, port=3000)
START = StartService(service=BACKEND)

EVERY: tuple[Action, ...] = (
    START,
    RestartService(service=BACKEND),
    RaiseMemoryLimit(service=BACKEND, from_bytes=GIB, to_bytes=2 * GIB),
    KILL,
    RollBack(service=BACKEND, from_version="2", to_version="1"),
    ScaleOut(service=BACKEND, from_replicas=1, to_replicas=2),
    RestartDatabase(service=BACKEND),
    TerminateSessions(
        service=BACKEND,
        sessions=(Session(pid=1, backend_start=AT, application="worker"),),
        idle_longer_than=timedelta(minutes=10),
    ),
    RaiseMaxConnections(service=BACKEND, from_connections=100, to_connections=150),
    AnalyzeTables(service=BACKEND, tables=(TableStatistics(table_schema="public", name="orders"),)),
    SetEnvironment(service=BACKEND, file=".env", values={"POOL": "50"}, diff="+POOL=50"),
    ReattachNetwork(service=BACKEND, network="app"),
    CleanUpFiles(service=BACKEND, files=("/var/log/old.log",), frees=GIB),
    Degrade(service=BACKEND, because_of="openai", at_most=timedelta(hours=4)),
    RestoreService(service=BACKEND),
    SyncProducts(service=BACKEND, asked_with={"limit": 10}, last_sync=AT),
    RecreateService(service=BACKEND, settings=("AMAZON_ACCESS_KEY",)),
    DisableEndpoint(service=BACKEND, path="/api/x", at_most=timedelta(days=1)),
    AnswerMaintenance(service=BACKEND, path="/api/x", at_most=timedelta(days=1)),
    ReopenEndpoint(service=BACKEND, path="/api/x", from_="disable"),
    UnpauseSchedule(service=BACKEND, schedule="loop", note="Paused via Python SDK"),
    PauseSchedule(service=BACKEND, schedule="loop", because="its costs run away"),
    TriggerSchedule(service=BACKEND, schedule="loop", started=3),
    ClearCache(service=BACKEND, holds=GIB),
    TakeDiagnostic(
        service=BACKEND,
        by="SIGUSR2",
        directory="/var/tmp",
        pattern="*.heapsnapshot",
        at_most=timedelta(minutes=2),
        largest=GIB,
    ),
    RetryWorkflow(
        service=BACKEND, type="GenerateVideos", workflow_id="videos", run_id="1", closed_at=AT, error="boom"
    ),
    GenerateVideos(service=BACKEND, last_at=AT),
    RunScript(
        service=BACKEND,
        command=("/opt/tidy", "backend"),
        verify=("/opt/look",),
        timeout=timedelta(minutes=1),
    ),
    WaitForReset(service=BACKEND, until=AT, zone="UTC"),
    RaiseBudget(service=BACKEND, from_dollars=100, to_dollars=150, until=AT),
    RestoreBudget(service=BACKEND, from_dollars=150, to_dollars=100),
    UseBackupGenerator(service=BACKEND, generator="runway", because_of="pika", at_most=timedelta(hours=4)),
    UseUsualGenerator(service=BACKEND, generator="runway"),
)

RISKS = {
    Risk.SAFE: {
        "start-service",
        "restore-service",
        "reopen-endpoint",
        "unpause-schedule",
        "sync-products",
        "trigger-schedule",
        "analyze-tables",
        "generate-videos",
        "wait-for-reset",
        "restore-budget",
        "use-usual-generator",
    },
    Risk.GUARDED: {
        "restart-service",
        "raise-memory-limit",
        "scale-out",
        "set-environment",
        "degrade",
        "answer-maintenance",
        "pause-schedule",
        "recreate-service",
        "retry-workflow",
        "clear-cache",
        "take-diagnostic",
        "use-backup-generator",
        "run-script",
    },
    Risk.DANGEROUS: {
        "kill-process",
        "roll-back",
        "disable-endpoint",
        "restart-database",
        "terminate-sessions",
        "raise-max-connections",
        "reattach-network",
        "clean-up-files",
        "raise-budget",
    },
}
"""The table of the specification."""


def plan(*steps: Action, why: str = "") -> Plan:
    return Plan(steps=steps, why=why)


def test_no_action_is_untested() -> None:
    assert {one.kind for one in EVERY} == set(kinds())


@pytest.mark.parametrize("action", EVERY, ids=lambda action: action.kind)
def test_an_action_says_what_an_approver_must_know(action: Action) -> None:
    assert action.says
    assert action.changes
    assert BACKEND.name in f"{action.says} {action.changes}"
    assert action.kind in RISKS[action.risk]


@pytest.mark.parametrize("action", EVERY, ids=lambda action: action.kind)
def test_an_action_survives_the_way_through_temporal_with_its_digest(action: Action) -> None:
    sent = plan(action)
    received = Plan.model_validate_json(sent.model_dump_json())
    assert (received, received.digest) == (sent, sent.digest)


def test_digests_tell_plans_apart() -> None:
    plans = [plan(one) for one in EVERY] + [plan(KILL, START), plan(START, KILL)]
    for one, other in combinations(plans, 2):
        assert one.digest != other.digest
    assert all(len(one.digest) == 12 for one in plans)


@pytest.mark.parametrize(
    "changed",
    [
        KILL.model_copy(update={"pid": 78}),
        KILL.model_copy(update={"identity": THIEF.model_copy(update={"started": 2})}),
        KILL.model_copy(update={"service": BACKEND.model_copy(update={"host": "web-1"})}),
    ],
)
def test_any_change_of_a_step_changes_the_digest(changed: Action) -> None:
    assert plan(changed).digest != plan(KILL).digest


def test_the_reason_is_not_what_is_approved() -> None:
    assert plan(KILL, why="one").digest == plan(KILL, why="another").digest


def test_a_plan_has_at_least_one_step() -> None:
    with pytest.raises(ValidationError):
        plan()


def test_a_plan_is_for_one_service() -> None:
    other = START.model_copy(update={"service": BACKEND.model_copy(update={"name": "postgres"})})
    with pytest.raises(ValidationError, match="not for backend and postgres: make one plan each"):
        plan(START, other)


def test_a_plan_that_is_too_large_to_be_sent_is_refused() -> None:
    files = tuple(f"/var/log/{number:04000d}" for number in range(200))
    with pytest.raises(ValidationError, match="is more than 256 KiB: make it smaller"):
        plan(CleanUpFiles(service=BACKEND, files=files, frees=GIB))


def test_the_risk_of_a_plan_is_that_of_its_worst_step() -> None:
    assert plan(START).risk({}) is Risk.SAFE
    assert plan(START, KILL).risk({}) is Risk.DANGEROUS
    assert plan(KILL, START).risk({}) is Risk.DANGEROUS


def test_the_configuration_overrides_the_risk_of_a_kind() -> None:
    assert plan(KILL).risk({"kill-process": Risk.SAFE}) is Risk.SAFE
    assert plan(START).risk({"start-service": Risk.DANGEROUS}) is Risk.DANGEROUS
    assert (
        plan(KILL, START).risk({"start-service": Risk.DANGEROUS, "kill-process": Risk.SAFE}) is Risk.DANGEROUS
    )
    assert plan(START).risk({"kill-process": Risk.DANGEROUS}) is Risk.SAFE


def test_what_is_done_without_asking() -> None:
    assert AUTOMATIC == {
        Severity.CRITICAL: (Risk.SAFE, Risk.GUARDED),
        Severity.WARNING: (Risk.SAFE,),
        Severity.INFO: (),
    }
    assert not any(Risk.DANGEROUS in risks for risks in AUTOMATIC.values())


def test_what_is_urgent_is_done_without_asking_at_a_warning_unless_it_is_dangerous() -> None:
    assert WHEN_URGENT == {
        Severity.CRITICAL: (Risk.SAFE, Risk.GUARDED),
        Severity.WARNING: (Risk.SAFE, Risk.GUARDED),
        Severity.INFO: (),
    }


def test_an_unknown_kind_is_no_action() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Action).validate_python({"kind": "format-disk", "service": BACKEND})


def test_a_rollback_by_script_says_so() -> None:
    script = RollBackScript(command=("./rollback",))
    back = RollBack(service=BACKEND, from_version="2", script=script)
    assert back.says == "roll backend back with its configured script"


def test_a_rollback_between_two_builds_of_one_tag_tells_them_apart() -> None:
    back = RollBack(
        service=BACKEND,
        from_version="shop:latest",
        from_image=f"sha256:{'b' * 64}",
        to_version="shop:latest",
        to_image=f"sha256:{'a' * 64}",
    )
    assert back.says == "roll backend back from shop:latest (bbbbbbbbbbbb) to shop:latest (aaaaaaaaaaaa)"
    assert back.undo == "deploy shop:latest (bbbbbbbbbbbb) again"


def test_a_rollback_between_tags_names_the_tags() -> None:
    ids = {"from_image": f"sha256:{'b' * 64}", "to_image": f"sha256:{'a' * 64}"}
    back = RollBack(service=BACKEND, from_version="shop:2", to_version="shop:1", **ids)
    assert back.says == "roll backend back from shop:2 to shop:1"


def test_ending_a_session_with_an_open_transaction_says_that_it_is_rolled_back() -> None:
    idle = Session(pid=1, backend_start=AT, application="worker")
    waiting = idle.model_copy(update={"pid": 2, "in_transaction": True})
    ended = TerminateSessions(
        service=BACKEND, sessions=(idle, waiting), idle_longer_than=timedelta(minutes=10)
    )
    assert ended.changes.startswith("open transactions that are rolled back: 1; ")


def test_a_choice_is_for_one_service_and_offers_nothing_twice() -> None:
    other = Service(name="worker", manager=DockerManager(container="worker"))
    restart = plan(RestartService(service=BACKEND))
    assert Choice(recommended=plan(START), others=(restart,)).plans == (plan(START), restart)
    with pytest.raises(ValidationError, match="for one service, not for backend and worker"):
        Choice(recommended=plan(START), others=(plan(StartService(service=other)),))
    with pytest.raises(ValidationError, match="two plans of a choice do the same"):
        Choice(recommended=plan(START), others=(restart, plan(START, why="for another reason")))


def test_a_choice_is_as_large_as_a_plan_may_be() -> None:
    def big(name: str) -> Plan:
        return plan(CleanUpFiles(service=BACKEND, files=(name * 100_000,), frees=1))

    with pytest.raises(ValidationError, match="a choice of"):
        Choice(recommended=big("a"), others=(big("b"), big("c")))


def test_only_what_is_possible_is_offered() -> None:
    restart = plan(RestartService(service=BACKEND))
    assert offered(None, None) is None
    assert offered(None, restart, restart) == restart
    assert offered(plan(START), None, restart) == Choice(recommended=plan(START), others=(restart,))
