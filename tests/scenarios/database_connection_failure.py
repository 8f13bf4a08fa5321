"""DatabaseConnectionFailure: every row of its causes table, and the ways in which it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from demo.systems.services import POSTGRES
from models.incident.incident import Outcome, Phase
from tests.scenarios.afterwards import pool_is_raised, sessions_are_gone, tried_once
from tests.scenarios.scenario import Scenario

_row = partial(Scenario, runbook="DatabaseConnectionFailure", service=POSTGRES)


def pool_needs_approval(content: dict[str, Any]) -> None:
    content["alerts"]["DatabaseConnectionFailure"]["risks"] = {"set-environment": "dangerous"}


def secret_is_missing(content: dict[str, Any]) -> None:
    content["services"][POSTGRES]["database"]["url"] = {"file": "/nonexistent/postgres-url"}


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
        evidence={"networks": "backend is not on the network"},
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
        configure=secret_is_missing,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("nobody can see whether it is true", "nothing was touched"),
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
        timeline=("it did not work",),
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

SCENARIOS = (*CAUSES, *NOT_TO_ACT)
