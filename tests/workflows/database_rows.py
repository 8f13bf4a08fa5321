"""DatabaseConnectionFailure against a scripted world: every row of its causes table, and its variants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from activities.postgres.database_seen import DatabaseKind
from activities.service.networks import NetworksSeen
from activities.service.ports import PortOwner, PortSeen
from models.evidence.evidence import Finding
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.scenes import CRASH, LOOPING, scene, unreachable

APART = NetworksSeen(
    finding=Finding.BAD, reason="backend is not on app", apart=("postgres",), off=("backend",)
)
BY_DESIGN = NetworksSeen(
    finding=Finding.BAD, reason="backend and postgres share no network", apart=("postgres",)
)
OWN_NETWORK = {"services": {"backend": {"network": None}, "postgres": {"network": None}}}
OWN_PORT = {"services": {"postgres": {"port": 5432}}}
SILENT_ELSEWHERE = sights.database(DatabaseKind.TIMED_OUT).model_copy(update={"port": 5999})
ITS_OWN_PORT = PortSeen(
    finding=Finding.OK,
    reason="postgres of the service listens on port 5432",
    port=5432,
    owner=PortOwner(pid=7, name="postgres", started_at=sights.LONG_AGO, ours=True),
)
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
        "stopped by somebody",
        unreachable(DatabaseKind.REFUSED, database_process=sights.stopped(sights.LONG_AGO)),
        asks=True,
        done=("start postgres",),
    ),
    Row(
        "stopped by somebody",
        unreachable(DatabaseKind.TIMED_OUT, database_process=sights.PAUSED),
        variant="frozen",
        asks=True,
        done=("start postgres",),
    ),
    Row(
        "crash loop",
        unreachable(DatabaseKind.REFUSED, database_process=LOOPING),
        asks=True,
        done=("start postgres",),
        pages=PAGES_DBA,
        also_seen=("down",),
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
        "another server",
        unreachable(DatabaseKind.TIMED_OUT, database=SILENT_ELSEWHERE, port=ITS_OWN_PORT),
        configuration=OWN_PORT,
        needs_a_human=True,
    ),
    Row(
        "another server",
        unreachable(
            DatabaseKind.TIMED_OUT,
            database=SILENT_ELSEWHERE.model_copy(update={"port": 5432}),
            port=sights.TAKEN_PORT.model_copy(update={"port": 5432}),
        ),
        variant="somebody else has its port",
        configuration=OWN_PORT,
        needs_a_human=True,
    ),
    Row(
        "down",
        unreachable(
            DatabaseKind.REFUSED,
            database=SILENT_ELSEWHERE.model_copy(update={"kind": DatabaseKind.REFUSED}),
            database_process=CRASH,
        ),
        variant="and its connection string leads elsewhere",
        done=("start postgres",),
        pages=PAGES_DBA,
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
