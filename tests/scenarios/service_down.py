"""ServiceDown: every row of its causes table, two at once, and the ways in which it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from activities.postgres.database_seen import DatabaseKind
from models.incident.incident import Outcome, Phase
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.scenes import CRASH, LOOPING, SCALABLE, deployed, scene

_row = partial(Scenario, runbook="ServiceDown")


def _backend(content: dict[str, Any]) -> dict[str, Any]:
    backend: dict[str, Any] = content["services"]["backend"]
    return backend


def host_is_short(content: dict[str, Any]) -> None:
    """No machine has so much free memory: the real one is short by that."""
    _backend(content)["floors"] = {"memory_free": 0.999}


def health_cannot_be_asked(content: dict[str, Any]) -> None:
    _backend(content)["health"]["url"] = "http://backend.invalid:3000/health"


def manager_cannot_be_asked(content: dict[str, Any]) -> None:
    _backend(content)["manager"]["socket"] = "/nonexistent/supervisor.sock"


def first_crash_counts(content: dict[str, Any]) -> None:
    content["alerts"]["ServiceDown"]["thresholds"]["crash_limit"] = 1


CAUSES = (
    _row(
        name="database lost",
        cause="database lost",
        faults=("database-lost",),
        also_seen=("hung",),
        timeline=("pages dba", "started DatabaseConnectionFailure/postgres"),
        evidence={"dependencies": "postgres: connection refused"},
    ),
    _row(
        name="out of memory, by the kernel's word",
        cause="out of memory",
        stack="docker",
        faults=("out-of-memory",),
        action=("raise-memory-limit", "start-service"),
        says=("from 160 MiB to 240 MiB",),
        also_seen=("crash",),
    ),
    _row(
        name="out of memory, without containers",
        cause="out of memory",
        faults=("out-of-memory",),
        action=("raise-memory-limit", "start-service"),
        also_seen=("crash",),
    ),
    _row(
        name="port conflict",
        cause="port conflict",
        faults=("port-taken",),
        action=("kill-process", "start-service"),
        says=("which listens on port",),
        approved_by=("anna",),
        also_seen=("crash",),
    ),
    _row(
        name="crash loop",
        cause="crash loop",
        healed_before=("crash", "crash"),
        faults=("crash-loop",),
        action=("roll-back",),
        approved_by=("anna",),
        also_seen=("crash",),
        timeline=("pages platform-team",),
        within=90,
    ),
    _row(
        name="crash",
        cause="crash",
        faults=("crash",),
        action=("start-service",),
        evidence={"process": "exited with code 1"},
    ),
    _row(
        name="crash, in a container",
        cause="crash",
        stack="docker",
        faults=("crash",),
        action=("start-service",),
    ),
    _row(
        name="resources exhausted on the host",
        cause="resources exhausted",
        faults=("hang",),
        configure=host_is_short,
        outcome=Outcome.CLOSED_BY_HUMAN,
        also_seen=("hung",),
        timeline=("scale out where that is allowed, or ask",),
    ),
    _row(
        name="resources exhausted in its container",
        cause="resources exhausted",
        stack="networks",
        faults=("spin",),
        action=("scale-out",),
        says=("2 of 2 replicas run",),
        also_seen=("hung",),
    ),
    _row(
        name="hung",
        cause="hung",
        faults=("hang",),
        action=("restart-service",),
    ),
)

TWO_AT_ONCE = (
    _row(
        name="out of memory in a bad deployment",
        cause="out of memory",
        stack="docker",
        faults=("heavy-version",),
        configure=first_crash_counts,
        action=("raise-memory-limit", "start-service"),
        also_seen=("crash loop", "crash"),
    ),
)

NOT_TO_ACT = (
    _row(
        name="nothing is wrong",
        cause="",
        outcome=Outcome.SELF_RECOVERED,
        timeline=("the alert is not true any more",),
    ),
    _row(
        name="monitoring is blind",
        cause="",
        configure=health_cannot_be_asked,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "no action taken"),
        evidence={"health": "backend.invalid"},
    ),
    _row(
        name="the manager is away",
        cause="unknown",
        faults=("crash",),
        configure=manager_cannot_be_asked,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("the cause is unknown: ask a human",),
        evidence={"process": "/nonexistent/supervisor.sock"},
    ),
    _row(
        name="the fix has no effect",
        cause="crash",
        faults=("crash-loop",),
        action=("start-service",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("still fails",),
    ),
    _row(
        name="resolved while a question is open",
        cause="port conflict",
        faults=("port-taken",),
        also_seen=("crash",),
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("resolved before anything more was done", "the process of backend itself is down"),
    ),
)

SCENARIOS = (*CAUSES, *TWO_AT_ONCE, *NOT_TO_ACT)

LOST_DATABASE = scene(
    process=sights.RUNNING,
    database=sights.database(DatabaseKind.REFUSED),
    database_process=CRASH,
    logs=sights.log_with("database-lost"),
)

ROWS = (
    Row(
        "database lost",
        LOST_DATABASE,
        done=("start postgres", "restart backend"),
        also_seen=("hung",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(512 * sights.MIB)),
        done=("raise the memory limit of backend from 512 MiB to 768 MiB", "start backend"),
        also_seen=("crash",),
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(3072 * sights.MIB)),
        variant="no further than the cap",
        done=("raise the memory limit of backend from 3 GiB to 4 GiB", "start backend"),
        also_seen=("crash",),
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(4096 * sights.MIB)),
        variant="at the cap",
        needs_a_human=True,
        also_seen=("crash",),
    ),
    Row(
        "port conflict",
        scene(port=sights.TAKEN_PORT),
        asks=True,
        done=("kill process 77 (thief), which listens on port 3000", "start backend"),
        also_seen=("crash",),
    ),
    Row(
        "port conflict",
        scene(logs=sights.log_with("port-in-use")),
        variant="only its log says so",
        needs_a_human=True,
        also_seen=("crash",),
    ),
    Row(
        "crash loop",
        deployed(scene(process=LOOPING)),
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
        also_seen=("crash",),
    ),
    Row(
        "crash loop",
        scene(process=LOOPING),
        variant="no version is known",
        needs_a_human=True,
        pages=("On-Call", "Platform Team"),
        also_seen=("crash",),
    ),
    Row("crash", scene(process=CRASH), done=("start backend",)),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit()),
        configuration=SCALABLE,
        done=("scale backend from 1 to 2 replicas",),
        also_seen=("hung",),
    ),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit(replicas=2)),
        variant="two replicas run",
        configuration=SCALABLE,
        done=("scale backend from 2 to 3 replicas",),
        also_seen=("hung",),
    ),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit(replicas=3)),
        variant="as many run as may",
        configuration=SCALABLE,
        needs_a_human=True,
        also_seen=("hung",),
    ),
    Row(
        "resources exhausted",
        scene(process=sights.RUNNING, host=sights.FULL_DISK),
        variant="scaling is not allowed",
        needs_a_human=True,
        also_seen=("hung",),
    ),
    Row("hung", scene(process=sights.RUNNING), done=("restart backend",)),
    Row(
        "unknown",
        scene(process=sights.PAUSED),
        variant="no row matches",
        needs_a_human=True,
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(512 * sights.MIB), port=sights.TAKEN_PORT),
        variant="and a port conflict",
        done=("raise the memory limit of backend from 512 MiB to 768 MiB", "start backend"),
        also_seen=("port conflict", "crash"),
    ),
)
