"""DatabaseConnectionFailure: every row of its causes table, and the ways in which it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from demo.systems.services import POSTGRES
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run, said
from tests.parts.scenarios.afterwards import pool_is_raised, sessions_are_gone, tried_once
from tests.parts.scenarios.database_faults import (
    another_server,
    no_entry_in_pg_hba,
    pooler_without_connections,
    promote,
    read_only_database,
    renamed_database,
    says,
    standby_without_readers,
)
from tests.parts.scenarios.scenario import Scenario
from tests.workflows.database_rows import ROWS

__all__ = ["ROWS", "SCENARIOS"]

OUT_OF_IDS = (
    "database is not accepting commands that assign new transaction IDs to avoid wraparound data loss"
)
DAMAGED_PAGE = "invalid page in block 3 of relation base/5/1259"

_row = partial(Scenario, runbook="DatabaseConnectionFailure", service=POSTGRES)


def pool_needs_approval(content: dict[str, Any]) -> None:
    content["alerts"]["DatabaseConnectionFailure"]["risks"] = {"set-environment": "dangerous"}


def first_crash_counts(content: dict[str, Any]) -> None:
    content["alerts"]["DatabaseConnectionFailure"]["thresholds"]["crash_limit"] = 1


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
        name="stopped on purpose",
        cause="stopped by somebody",
        faults=("database-stopped",),
        action=("start-service",),
        approved_by=("anna",),
        evidence={"process": "stopped by somebody"},
    ),
    _row(
        name="crash loop",
        cause="crash loop",
        faults=("database-down",),
        configure=first_crash_counts,
        action=("start-service",),
        approved_by=("anna",),
        also_seen=("down",),
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
        name="the connection string leads to somebody else's port",
        cause="another server",
        faults=(another_server,),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("correct the connection string", "ruled out: hung"),
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
