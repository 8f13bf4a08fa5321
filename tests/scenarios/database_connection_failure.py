"""DatabaseConnectionFailure: every row of its causes table, and the ways in which it must not act."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from activities.postgres.database_seen import DatabaseKind
from activities.service.networks import NetworksSeen
from demo.systems.services import POSTGRES
from models.evidence.evidence import Finding
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run, said
from tests.parts.scenarios.afterwards import pool_is_raised, sessions_are_gone, tried_once
from tests.parts.scenarios.database_faults import (
    no_entry_in_pg_hba,
    pooler_without_connections,
    promote,
    read_only_database,
    renamed_database,
    says,
    standby_without_readers,
)
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.scenes import CRASH, scene, unreachable

OUT_OF_IDS = (
    "database is not accepting commands that assign new transaction IDs to avoid wraparound data loss"
)
DAMAGED_PAGE = "invalid page in block 3 of relation base/5/1259"

_row = partial(Scenario, runbook="DatabaseConnectionFailure", service=POSTGRES)


def pool_needs_approval(content: dict[str, Any]) -> None:
    content["alerts"]["DatabaseConnectionFailure"]["risks"] = {"set-environment": "dangerous"}


def secret_is_missing(content: dict[str, Any]) -> None:
    content["services"][POSTGRES]["database"]["url"] = {"file": "/nonexistent/postgres-url"}


async def promoted_while_it_is_waited_for(pipeline: Pipeline, run: Run) -> None:
    """Its DBA promotes it once the incident waits; nobody tells the incident."""
    await pipeline.until_state(run, "a wait", lambda state: bool(said(state.timeline, "it is waited for")))
    await promote(pipeline.stack.services.cluster)


CAUSES = (
    _row(
        name="down",
        cause="down",
        faults=("database-down",),
        action=("start-service",),
        timeline=("pages dba",),
    ),
    _row(
        name="hung",
        cause="hung",
        faults=("database-frozen",),
        action=("restart-database",),
        approved_by=("anna",),
        timeline=("pages dba",),
    ),
    _row(
        name="wrong credentials of the application",
        cause="wrong credentials",
        faults=("wrong-credentials",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("compare the connection string", "pages dba"),
        evidence={"database": "answers"},
        afterwards=tried_once,
    ),
    _row(
        name="wrong credentials of everybody",
        cause="wrong credentials",
        faults=("all-credentials-wrong",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("compare the connection string", "pages dba"),
        evidence={"database": "refuses the credentials"},
        afterwards=tried_once,
    ),
    _row(
        name="connection limit",
        cause="connection limit",
        faults=("connection-limit",),
        action=("terminate-sessions",),
        says=("idle for over 2 s", "reports"),
        approved_by=("anna",),
        afterwards=sessions_are_gone,
    ),
    _row(
        name="pool exhausted",
        cause="pool exhausted",
        faults=("pool-exhausted",),
        action=("set-environment",),
        says=("-PRISMA_DATABASE_URL_POOL_SIZE=5", "+PRISMA_DATABASE_URL_POOL_SIZE=20"),
        afterwards=pool_is_raised,
    ),
    _row(
        name="pool exhausted, where that asks",
        cause="pool exhausted",
        faults=("pool-exhausted",),
        configure=pool_needs_approval,
        action=("set-environment",),
        approved_by=("anna",),
        afterwards=pool_is_raised,
    ),
    _row(
        name="disk full, and so down",
        cause="disk full",
        stack="small-disk",
        faults=("disk-full",),
        action=("clean-up-files", "start-service"),
        says=("old log files", "deleted"),
        approved_by=("anna",),
        also_seen=("down",),
        timeline=("pages dba",),
        evidence={"host": "has only", "logs": ""},
    ),
    _row(
        name="network",
        cause="network",
        stack="networks",
        faults=("network-lost",),
        action=("reattach-network",),
        approved_by=("anna",),
        says=("backend is not on the network",),
    ),
)

REFUSES = (
    _row(
        name="recovering, and promoted meanwhile",
        cause="recovering",
        faults=(standby_without_readers,),
        meanwhile=promoted_while_it_is_waited_for,
        timeline=("should come back by itself", "waited: ", "verification: "),
        evidence={"database": "answers"},
    ),
    _row(
        name="no entry in pg_hba.conf",
        cause="not admitted",
        faults=(no_entry_in_pg_hba,),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("add the entry that it names", "pages dba"),
        evidence={"database": "no pg_hba.conf entry"},
    ),
    _row(
        name="its database was renamed",
        cause="no such database",
        faults=(renamed_database,),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("compare the name in the connection string", "pages dba"),
        evidence={"database": "does not exist"},
    ),
    _row(
        name="it may only be read",
        cause="read-only",
        faults=(read_only_database,),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("point the connection string at the new primary", "pages dba"),
        evidence={"database": "answers"},
    ),
    _row(
        name="PgBouncer has no connection left",
        cause="pooler",
        faults=(pooler_without_connections,),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("look at the pooler that it names",),
        evidence={"database": "query_wait_timeout"},
    ),
    _row(
        name="it runs out of transaction IDs",
        cause="wraparound",
        faults=(says("54000", OUT_OF_IDS),),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("end old transactions", "pages dba"),
        evidence={"database": OUT_OF_IDS},
    ),
    _row(
        name="a page of its catalogue is damaged",
        cause="damaged",
        faults=(says("XX001", DAMAGED_PAGE),),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("keep a copy of its files", "pages dba"),
        evidence={"database": DAMAGED_PAGE},
    ),
    _row(
        name="its memory is used up",
        cause="out of memory",
        faults=(says("53200", "out of memory"),),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("a restart only delays it", "pages dba"),
        evidence={"database": "out of memory"},
    ),
)
"""It runs, and lets nobody in or takes no writes: no restart helps, and none is done."""

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
        configure=secret_is_missing,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "no action taken"),
        evidence={"database": "the connection string of postgres is missing"},
    ),
    _row(
        name="the fix has no effect",
        cause="connection limit",
        faults=("may-not-end-sessions",),
        action=("terminate-sessions",),
        says=("GRANT pg_signal_backend",),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("the fix failed",),
    ),
    _row(
        name="resolved while a question is open",
        cause="hung",
        faults=("database-frozen",),
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
        timeline=("resolved before anything more was done", "pages dba"),
    ),
)

SCENARIOS = (*CAUSES, *REFUSES, *NOT_TO_ACT)

APART = NetworksSeen(
    finding=Finding.BAD, reason="backend is not on app", apart=("postgres",), off=("backend",)
)
BY_DESIGN = NetworksSeen(
    finding=Finding.BAD, reason="backend and postgres share no network", apart=("postgres",)
)
OWN_NETWORK = {"services": {"backend": {"network": None}, "postgres": {"network": None}}}
PAGES_DBA = ("On-Call", "DBA")


_SCRIPTED = (
    Row(
        "disk full",
        unreachable(
            DatabaseKind.REFUSED, database_process=CRASH, host=sights.FULL_DISK, old_files=sights.OLD_FILES
        ),
        asks=True,
        done=("delete 1 old log files of postgres, 1 MiB in all", "start postgres"),
        pages=PAGES_DBA,
        also_seen=("down",),
    ),
    Row(
        "disk full",
        unreachable(DatabaseKind.DISK_FULL),
        variant="nothing may be deleted",
        needs_a_human=True,
        pages=PAGES_DBA,
    ),
    Row(
        "down",
        unreachable(DatabaseKind.REFUSED, database_process=CRASH),
        done=("start postgres",),
        pages=PAGES_DBA,
    ),
    Row(
        "down",
        unreachable(DatabaseKind.REFUSED, database_process=CRASH, health=sights.REFUSED),
        variant="and the application with it",
        done=("start postgres", "restart backend"),
        pages=PAGES_DBA,
    ),
    Row(
        "wrong credentials", unreachable(DatabaseKind.WRONG_CREDENTIALS), needs_a_human=True, pages=PAGES_DBA
    ),
    Row(
        "wrong credentials",
        scene(health=sights.REFUSED, process=sights.RUNNING, logs=sights.log_with("wrong-credentials")),
        variant="only the application's",
        needs_a_human=True,
        pages=PAGES_DBA,
    ),
    Row(
        "connection limit",
        unreachable(DatabaseKind.TOO_MANY_CONNECTIONS, sessions=sights.no_room(idle=True)),
        asks=True,
        done=("terminate 2 sessions of postgres that are idle for over 10 min",),
    ),
    Row(
        "connection limit",
        unreachable(DatabaseKind.TOO_MANY_CONNECTIONS, sessions=sights.no_room(idle=False)),
        variant="nothing is idle",
        asks=True,
        done=("raise max_connections of postgres from 100 to 150 and restart it",),
    ),
    Row(
        "connection limit",
        scene(
            health=sights.REFUSED,
            process=sights.RUNNING,
            logs=sights.log_with("database-lost"),
            sessions=sights.role_at_its_limit("worker"),
        ),
        variant="that of its role",
        asks=True,
        done=("terminate 1 sessions of postgres that are idle for over 10 min", "restart backend"),
    ),
    Row(
        "unknown",
        scene(
            health=sights.REFUSED,
            process=sights.RUNNING,
            logs=sights.log_with("database-lost"),
            networks=BY_DESIGN,
            sessions=sights.CALM.model_copy(update={"connected": 4}),
        ),
        variant="it is on no network of its application by design, and both talk",
        needs_a_human=True,
    ),
    Row(
        "pool exhausted",
        scene(
            health=sights.REFUSED,
            process=sights.RUNNING,
            logs=sights.log_with("pool-exhausted"),
            networks=BY_DESIGN,
        ),
        variant="on no network of its database by design",
        done=("set POOL=50 in the environment of backend and recreate it",),
    ),
    Row(
        "recovering",
        unreachable(
            DatabaseKind.TIMED_OUT,
            database_process=sights.RUNNING.model_copy(
                update={"started_at": sights.LONG_AGO, "observed_at": sights.LONG_AGO + timedelta(seconds=20)}
            ),
        ),
        variant="it does not answer yet, and was started a moment ago",
        needs_a_human=True,
    ),
    Row(
        "network",
        unreachable(DatabaseKind.NO_ROUTE, networks=APART),
        asks=True,
        done=("connect backend to the network app",),
    ),
    Row(
        "network",
        unreachable(DatabaseKind.NO_ROUTE, networks=APART),
        variant="no network is configured",
        configuration=OWN_NETWORK,
        needs_a_human=True,
    ),
    Row(
        "hung",
        unreachable(DatabaseKind.TIMED_OUT),
        asks=True,
        done=("restart the database postgres",),
        pages=PAGES_DBA,
    ),
    Row(
        "pool exhausted",
        scene(health=sights.REFUSED, process=sights.RUNNING, logs=sights.log_with("pool-exhausted")),
        done=("set POOL=50 in the environment of backend and recreate it",),
    ),
    Row(
        "pool exhausted",
        scene(
            health=sights.REFUSED,
            process=sights.RUNNING,
            logs=sights.log_with("pool-exhausted"),
            pool_setting=sights.BIGGER_POOL.model_copy(update={"unchanged": True}),
        ),
        variant="it has that size already",
        needs_a_human=True,
    ),
    Row("recovering", unreachable(DatabaseKind.RECOVERING), variant="for good", needs_a_human=True),
    Row("wraparound", unreachable(DatabaseKind.WRAPAROUND), needs_a_human=True, pages=PAGES_DBA),
    Row("damaged", unreachable(DatabaseKind.DAMAGED), needs_a_human=True, pages=PAGES_DBA),
    Row("out of memory", unreachable(DatabaseKind.OUT_OF_MEMORY), needs_a_human=True, pages=PAGES_DBA),
    Row("not admitted", unreachable(DatabaseKind.NOT_ADMITTED), needs_a_human=True, pages=PAGES_DBA),
    Row("no such database", unreachable(DatabaseKind.NO_SUCH_DATABASE), needs_a_human=True, pages=PAGES_DBA),
    Row("pooler", unreachable(DatabaseKind.POOLER), needs_a_human=True),
    Row(
        "read-only",
        scene(health=sights.REFUSED, process=sights.RUNNING, logs=sights.log_with("read-only-database")),
        needs_a_human=True,
        pages=PAGES_DBA,
    ),
    Row(
        "unknown",
        unreachable(DatabaseKind.FAILED),
        needs_a_human=True,
    ),
)

ROWS = tuple(replace(row, service="postgres") for row in _SCRIPTED)
