"""By what the causes of a database's trouble are recognised, and what contradicts them."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.postgres.database_seen import DatabaseKind
    from models.evidence.evidence import Evidence
    from workflows.diagnosis.situation import Situation

CANNOT_CONNECT = (
    "database-lost",
    "pool-exhausted",
    "wrong-credentials",
    "not-admitted",
    "no-such-database",
    "read-only-database",
    "wraparound",
)
"""The log patterns by which an application says that it has no database."""


def application_cannot_connect(now: Situation) -> Evidence:
    """Our own `SELECT 1` may answer while the application has the wrong password or no network."""
    log = now[looks.dependents_logs]
    if now[looks.database].bad:
        return now[looks.database]  # it says more than a line of a log
    if now[looks.dependents].bad and any(log.has(pattern) for pattern in CANNOT_CONNECT):
        return log
    return now[looks.database]


def application_says(pattern: str, now: Situation) -> bool:
    """Its last word about the connection counts: what it said of an earlier trouble is over."""
    return now[looks.dependents].bad and pattern in now[looks.dependents_logs].newest(*CANNOT_CONNECT)


def disk_full(now: Situation) -> bool:
    full = now[looks.host].full_disk is not None or now[looks.database].kind is DatabaseKind.DISK_FULL
    return full or (now[looks.process].exited and now[looks.recent_logs].has("disk-full"))


def down(now: Situation) -> bool:
    return now[looks.process].exited or now[looks.process].restarting


def met(kind: DatabaseKind) -> Callable[[Situation], bool]:
    """Whether our own `SELECT 1` met this."""
    return lambda now: now[looks.database].kind is kind


def wraparound(now: Situation) -> bool:
    said = application_says("wraparound", now) or now[looks.recent_logs].has("wraparound")
    return met(DatabaseKind.WRAPAROUND)(now) or said


def not_admitted(now: Situation) -> bool:
    return met(DatabaseKind.NOT_ADMITTED)(now) or application_says("not-admitted", now)


def no_such_database(now: Situation) -> bool:
    return met(DatabaseKind.NO_SUCH_DATABASE)(now) or application_says("no-such-database", now)


def read_only(now: Situation) -> bool:
    return met(DatabaseKind.READ_ONLY)(now) or application_says("read-only-database", now)


def answers(now: Situation) -> bool:
    return now[looks.database].ok


def refuses_the_password(now: Situation) -> bool:
    return now[looks.database].kind is DatabaseKind.WRONG_CREDENTIALS


def wrong_credentials(now: Situation) -> bool:
    return refuses_the_password(now) or application_says("wrong-credentials", now)


def out_of_connections(now: Situation) -> bool:
    """A role may be held short on purpose: its limit counts when the application complains as well."""
    sessions = now[looks.sessions]
    complains = bool(sessions.limits) and application_says("database-lost", now)
    return met(DatabaseKind.TOO_MANY_CONNECTIONS)(now) or bool(sessions.full) or complains


def off_the_network(now: Situation) -> bool:
    return now[looks.networks].bad


def connection_works(now: Situation) -> bool:
    """Containers may reach each other by a port of the host, on no common network."""
    networks = now[looks.networks]
    cut_off = bool(networks.apart and networks.off)
    used = now[looks.sessions].connected > 0 or application_says("pool-exhausted", now)
    return answers(now) and used and not cut_off


def just_started(now: Situation) -> bool:
    """Docker takes connections for a container before its database does."""
    age, database = now[looks.process].age, now.database.database if now.database else None
    return age is not None and database is not None and age < database.recovers_within


def recovering(now: Situation) -> bool:
    """It says so; or it was started a moment ago, and does not listen or answer yet."""
    silent = now[looks.database].kind in (DatabaseKind.REFUSED, DatabaseKind.TIMED_OUT)
    return now[looks.database].recovering or (silent and just_started(now))


def hung(now: Situation) -> bool:
    return now[looks.process].running and now[looks.database].kind is DatabaseKind.TIMED_OUT


NOT_ITS_WORD = (DatabaseKind.TIMED_OUT, DatabaseKind.REFUSED, DatabaseKind.FAILED)
"""None of these says that it is this database that was met."""


def another_server(now: Situation) -> bool:
    """The connection string leads elsewhere while it listens on its own port, or somebody else has that."""
    database, seen, own = now[looks.database], now[looks.port_owner], now.service.port
    if database.kind not in NOT_ITS_WORD or database.port is None or own is None:
        return False
    if database.port == own:
        return seen.taken
    return now[looks.process].running and seen.owner is not None and seen.owner.ours


def not_hung(now: Situation) -> bool:
    return just_started(now) or another_server(now)


def pool_exhausted(now: Situation) -> bool:
    return application_says("pool-exhausted", now)
