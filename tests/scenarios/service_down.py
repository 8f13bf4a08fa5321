"""ServiceDown: every row of its causes table, two at once, and the ways in which it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from activities.postgres.database_seen import DatabaseKind
from activities.service.ports import PortOwner
from models.evidence.evidence import Finding
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
    """No machine has so much free memory. Crashes of earlier scenarios on this stack do not count."""
    _backend(content)["floors"] = {"memory_free": 0.999}
    content["alerts"]["ServiceDown"]["thresholds"]["crash_limit"] = 50


def health_cannot_be_asked(content: dict[str, Any]) -> None:
    _backend(content)["health"]["url"] = "http://backend.invalid:3000/health"


def manager_cannot_be_asked(content: dict[str, Any]) -> None:
    _backend(content)["manager"]["socket"] = "/nonexistent/supervisor.sock"


def first_crash_counts(content: dict[str, Any]) -> None:
    content["alerts"]["ServiceDown"]["thresholds"]["crash_limit"] = 1


def its_last_words_are_taken_for_memory(content: dict[str, Any]) -> None:
    """What it logs before it ends with code 1 matches the pattern: the same as a planted line."""
    _backend(content)["logs"] = {"patterns": {"out-of-memory": "Unhandled rejection"}}


CAUSES = (
    _row(
        name="database lost",
        cause="database lost",
        faults=("database-lost",),
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
    ),
    _row(
        name="out of memory, by its log alone",
        cause="out of memory, by its log alone",
        faults=("crash",),
        configure=its_last_words_are_taken_for_memory,
        action=("start-service",),
        also_seen=("crash",),
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
        timeline=("scale out where that is allowed and its host has room, or ask",),
    ),
    _row(
        name="resources exhausted in its container",
        cause="resources exhausted",
        stack="networks",
        faults=("spin",),
        action=("scale-out",),
        says=("2 of 2 replicas run",),
    ),
    _row(
        name="hung",
        cause="hung",
        faults=("hang",),
        action=("restart-service",),
    ),
)

NOT_ITS_OWN_FAULT = (
    _row(
        name="killed by a person, and not for memory",
        cause="crash",
        stack="docker",
        faults=("killed",),
        action=("start-service",),
        evidence={"process": "exited with code 137"},
    ),
    _row(
        name="killed by a person, without containers",
        cause="crash",
        faults=("killed",),
        action=("start-service",),
        evidence={"process": "killed by signal 9"},
    ),
    _row(
        name="stopped on purpose",
        cause="stopped by somebody",
        faults=("stopped",),
        action=("start-service",),
        approved_by=("anna",),
        evidence={"process": "stopped by somebody"},
    ),
    _row(
        name="stopped on purpose, in a container",
        cause="stopped by somebody",
        stack="docker",
        faults=("stopped",),
        action=("start-service",),
        approved_by=("anna",),
        evidence={"process": "stopped by somebody"},
    ),
    _row(
        name="its health check wants credentials",
        cause="health check does not fit",
        faults=("unauthorized",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("answered 401", "health.url"),
    ),
    _row(
        name="its health check is throttled",
        cause="throttled",
        faults=("throttled",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("waits 10 s", "answered 429"),
    ),
    _row(
        name="it says that it is starting, for ever",
        cause="starting",
        faults=("starts-for-ever",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("waits 10 s", "still starting"),
    ),
    _row(
        name="it blames its database, which answers us",
        cause="database blamed",
        faults=("database-blamed",),
        action=("restart-service",),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("started DatabaseConnectionFailure/postgres", "still fails"),
    ),
    _row(
        name="it fails, and nothing tells why",
        cause="unknown",
        faults=("failing",),
        action=("restart-service",),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("still fails",),
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
        timeline=("the cause is unknown: offer a restart of what runs",),
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
        cause="unknown",
        faults=("failing",),
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
        timeline=("resolved before anything more was done",),
    ),
    _row(
        name="resolved while its own process is down",
        cause="port conflict",
        faults=("port-taken",),
        also_seen=("crash",),
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("resolved before anything more was done", "the process of backend itself is down"),
    ),
)

SCENARIOS = (*CAUSES, *NOT_ITS_OWN_FAULT, *TWO_AT_ONCE, *NOT_TO_ACT)

LOST_DATABASE = scene(
    process=sights.RUNNING,
    database=sights.database(DatabaseKind.REFUSED),
    database_process=CRASH,
    logs=sights.log_with("database-lost"),
)

OURS_LISTENS = sights.TAKEN_PORT.model_copy(
    update={
        "finding": Finding.OK,
        "owner": PortOwner(pid=7, name="node", started_at=sights.LONG_AGO, ours=True),
    }
)

ROWS = (
    Row(
        "database lost",
        LOST_DATABASE,
        done=("start postgres", "restart backend"),
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
    Row(
        "crash loop",
        deployed(scene(process=sights.brought_back(603, 303, 3, age=90))),
        variant="caught running, with lives longer than a start may take",
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
    ),
    Row(
        "unknown",
        scene(process=sights.brought_back(303, 3, age=90)),
        variant="it does not answer, and is between two crashes",
        asks=True,
        done=("restart backend",),
    ),
    Row(
        "hung",
        scene(process=sights.brought_back(603, 303, 3, age=90).model_copy(update={"restarts": 0})),
        variant="it crashed before, and somebody started it",
        done=("restart backend",),
    ),
    Row(
        "hung",
        scene(process=sights.brought_back(303, 3, age=1800)),
        variant="it crashed before, and has outlived that",
        done=("restart backend",),
    ),
    Row(
        "out of memory, by its log alone",
        scene(
            process=CRASH.model_copy(update={"memory_limit": 256 * sights.MIB}),
            logs=sights.log_with("out-of-memory"),
        ),
        done=("start backend",),
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
    ),
    Row("hung", scene(process=sights.RUNNING), done=("restart backend",)),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit(), host=sights.FULL_DISK),
        variant="its host is short, and a second one would make it shorter",
        configuration=SCALABLE,
        needs_a_human=True,
    ),
    Row(
        "stopped by somebody",
        scene(process=sights.stopped(sights.LONG_AGO)),
        asks=True,
        done=("start backend",),
    ),
    Row(
        "stopped by somebody",
        scene(process=sights.PAUSED),
        variant="frozen",
        asks=True,
        done=("start backend",),
    ),
    Row(
        "stopped by somebody",
        scene(process=sights.stopped(sights.LONG_AGO), database=sights.database(DatabaseKind.REFUSED)),
        variant="and its database is away too",
        asks=True,
        done=("start backend",),
    ),
    Row(
        "crash",
        scene(process=CRASH, health=sights.HEALTHY),
        variant="while another process answers the check",
        done=("start backend",),
    ),
    Row("starting", scene(process=sights.YOUNG), variant="for ever", needs_a_human=True),
    Row(
        "starting",
        scene(process=sights.RUNNING.model_copy(update={"stopping": True})),
        variant="being stopped for ever",
        needs_a_human=True,
    ),
    Row("throttled", scene(process=sights.RUNNING, health=sights.THROTTLED), needs_a_human=True),
    Row(
        "health check does not fit",
        scene(process=sights.RUNNING, health=sights.NOT_FITTING),
        needs_a_human=True,
    ),
    Row(
        "crash",
        scene(process=CRASH, health=sights.NOT_FITTING),
        variant="while another one answers with what does not fit",
        done=("start backend",),
    ),
    Row(
        "database blamed",
        scene(process=sights.RUNNING, health=sights.NAMES_DATABASE),
        asks=True,
        done=("restart backend",),
    ),
    Row(
        "unknown",
        scene(process=sights.RUNNING, health=sights.answers(500)),
        variant="it answers somebody",
        asks=True,
        done=("restart backend",),
    ),
    Row(
        "unknown",
        scene(process=sights.RUNNING, health=sights.NAMES_PROVIDER),
        variant="it names a part that nobody knows",
        asks=True,
        done=("restart backend",),
    ),
    Row(
        "unknown",
        scene(process=sights.RUNNING, port=OURS_LISTENS),
        variant="it listens, and the check is refused elsewhere",
        asks=True,
        done=("restart backend",),
    ),
    Row(
        "unknown",
        scene(process=sights.RUNNING.model_copy(update={"started_at": None})),
        variant="nobody knows since when it has been running",
        asks=True,
        done=("restart backend",),
    ),
    Row(
        "unknown",
        scene(process=sights.UNSEEN_PROCESS),
        variant="nothing can be seen",
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
