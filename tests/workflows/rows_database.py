"""DatabaseConnectionFailure's rows: the application has no database, and this is why."""

from __future__ import annotations

from dataclasses import replace

from models.evidence.evidence import DatabaseKind, Finding
from models.evidence.surroundings import NetworksSeen
from tests.workflows import sights
from tests.workflows.rows import Row, Scene, scene

CRASH = sights.crashed(sights.LONG_AGO)
APART = NetworksSeen(
    finding=Finding.BAD, reason="backend is not on app", apart=("postgres",), off=("backend",)
)
OWN_NETWORK = {"services": {"backend": {"network": None}, "postgres": {"network": None}}}
PAGES_DBA = ("On-Call", "DBA")


def broken(kind: DatabaseKind, **changes: object) -> Scene:
    """The application is well enough; `SELECT 1` ends in this way."""
    fields = {"health": sights.HEALTHY, "process": sights.RUNNING, "database": sights.database(kind)}
    return scene(**{**fields, **changes})


_ROWS = (
    Row(
        "disk full",
        broken(
            DatabaseKind.REFUSED, database_process=CRASH, host=sights.FULL_DISK, old_files=sights.OLD_FILES
        ),
        asks=True,
        done=("delete 1 old log files of postgres, 1 MiB in all", "start postgres"),
        pages=PAGES_DBA,
        also_seen=("down",),
    ),
    Row(
        "disk full",
        broken(DatabaseKind.DISK_FULL),
        variant="nothing may be deleted",
        needs_a_human=True,
        pages=PAGES_DBA,
    ),
    Row(
        "down",
        broken(DatabaseKind.REFUSED, database_process=CRASH),
        done=("start postgres",),
        pages=PAGES_DBA,
    ),
    Row(
        "down",
        broken(DatabaseKind.REFUSED, database_process=CRASH, health=sights.REFUSED),
        variant="and the application with it",
        done=("start postgres", "restart backend"),
        pages=PAGES_DBA,
    ),
    Row("wrong credentials", broken(DatabaseKind.WRONG_CREDENTIALS), needs_a_human=True, pages=PAGES_DBA),
    Row(
        "wrong credentials",
        scene(health=sights.REFUSED, process=sights.RUNNING, logs=sights.log_with("wrong-credentials")),
        variant="only the application's",
        needs_a_human=True,
        pages=PAGES_DBA,
    ),
    Row(
        "connection limit",
        broken(DatabaseKind.TOO_MANY_CONNECTIONS, sessions=sights.no_room(idle=True)),
        asks=True,
        done=("terminate 2 sessions of postgres that are idle for over 10 min",),
    ),
    Row(
        "connection limit",
        broken(DatabaseKind.TOO_MANY_CONNECTIONS, sessions=sights.no_room(idle=False)),
        variant="nothing is idle",
        asks=True,
        done=("raise max_connections of postgres from 100 to 150 and restart it",),
    ),
    Row(
        "network",
        broken(DatabaseKind.NO_ROUTE, networks=APART),
        asks=True,
        done=("connect backend to the network app",),
    ),
    Row(
        "network",
        broken(DatabaseKind.NO_ROUTE, networks=APART),
        variant="no network is configured",
        configuration=OWN_NETWORK,
        needs_a_human=True,
    ),
    Row(
        "hung",
        broken(DatabaseKind.TIMED_OUT),
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
    Row(
        "unknown",
        broken(DatabaseKind.FAILED),
        needs_a_human=True,
    ),
)

ROWS = tuple(replace(row, service="postgres") for row in _ROWS)
