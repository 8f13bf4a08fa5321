"""DatabaseConnectionFailure: PostgreSQL cannot be reached (critical, 5 minutes).

Check status   the container; `SELECT 1` with a time-out; what the application's log says
Causes         the table below, walked in order
Recovery       wait while it recovers by itself, within a bound; then a person is called
               start or restart, `SELECT 1`, then the application, then the whole window
Escalation     unreachable after the fix: the DBA; a full disk: the DBA, at once
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    from activities.postgres.database_seen import DatabaseKind
    from models.evidence.evidence import Evidence
    from models.incident.alert import Alert
    from models.incident.review import Review
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

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
    return now[looks.database].kind is DatabaseKind.TOO_MANY_CONNECTIONS or now[looks.sessions].exhausted


def off_the_network(now: Situation) -> bool:
    return now[looks.networks].bad


def hung(now: Situation) -> bool:
    return now[looks.process].running and now[looks.database].kind is DatabaseKind.TIMED_OUT


def pool_exhausted(now: Situation) -> bool:
    return application_says("pool-exhausted", now)


RECOVERING = Cause(
    name="recovering",
    evidence="it says that it starts, recovers or shuts down (57P03)",
    matches=met(DatabaseKind.RECOVERING),
    remedy="wait for it, and go on by itself; call a person when it takes too long; never restart it",
    fix=ask_a_human,
)

NETWORK = Cause(
    name="network",
    evidence="the application and the database share no Docker network",
    matches=off_the_network,
    remedy="connect it to the network again, with approval",
    fix=plans.reattach_network,
)

CAUSES = (
    Cause(
        name="disk full",
        evidence="no space left on a disk of the database",
        matches=disk_full,
        remedy="escalate at once; offer to clean up old log files, with approval",
        fix=plans.clean_up_then_start,
        pages="database",
    ),
    Cause(
        name="down",
        evidence="its container or process is not running",
        matches=down,
        remedy="start it",
        fix=plans.start,
        pages="database",
        contradicted_by="it answers",
        contradicts=answers,
    ),
    RECOVERING,
    Cause(
        name="wraparound",
        evidence="it takes no writes, to avoid transaction ID wraparound",
        matches=wraparound,
        remedy="no restart: end old transactions, prepared ones and unused replication slots, then `VACUUM`",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="damaged",
        evidence="it cannot read its own files",
        matches=met(DatabaseKind.DAMAGED),
        remedy="no restart: keep a copy of its files, check its disk, restore a backup",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="out of memory",
        evidence="it says that its memory is used up (53200)",
        matches=met(DatabaseKind.OUT_OF_MEMORY),
        remedy="fewer sessions, less `work_mem`, or more memory; a restart only delays it",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="wrong credentials",
        evidence="it refuses the password",
        matches=wrong_credentials,
        remedy="never tried again: compare the connection string with the database's users",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="not admitted",
        evidence="`pg_hba.conf` has no entry, TLS is asked for or not offered, or the database is closed",
        matches=not_admitted,
        remedy="never tried again: add the entry that it names, or set `sslmode` in the connection string",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="no such database",
        evidence="it has no database of that name",
        matches=no_such_database,
        remedy="compare the name in the connection string; restore it if it was dropped",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="pooler",
        evidence="a pooler before it gives no connection, and says so",
        matches=met(DatabaseKind.POOLER),
        remedy="look at the pooler that it names: its pool size, client limit, and own login; no restart of"
        " the database",
        fix=ask_a_human,
    ),
    Cause(
        name="connection limit",
        evidence="as many sessions as `max_connections` allows",
        matches=out_of_connections,
        remedy="terminate sessions idle for longer than the limit, or allow more, with approval",
        fix=plans.room_for_connections,
    ),
    NETWORK,
    Cause(
        name="hung",
        evidence="it accepts connections and answers nothing",
        matches=hung,
        remedy="force a restart, with approval",
        fix=plans.restart_database,
        pages="database",
    ),
    Cause(
        name="read-only",
        evidence="the application's log says that it may only read",
        matches=read_only,
        remedy="after a failover, point the connection string at the new primary; else ask its DBA",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="pool exhausted",
        evidence="the application's log says that its pool is empty, while the database has room",
        matches=pool_exhausted,
        remedy="raise the application's pool size, with the exact change of its env file",
        fix=plans.bigger_pool,
    ),
)


@workflow.defn
class DatabaseConnectionFailure(Runbook):
    """The database cannot be reached."""

    @workflow.run
    async def run(self, alert: Alert) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        now = await self.look(incident)
        if now[looks.database].recovering and incident.diagnose(CAUSES) is RECOVERING:
            await incident.comes_back(verifications.RECOVERED, verifications.RECOVERED_LATE)
            now = await self.look(incident)
            if now[looks.database].ok:
                await self.prove(incident)
                return
        await incident.confirm(
            application_cannot_connect,
            looks.database,
            looks.process,
            looks.networks,
            again=(looks.dependents, looks.dependents_logs),
        )
        cause = incident.diagnose(CAUSES)
        await incident.act(cause)
        if cause is NETWORK and (await incident.look(looks.networks))[looks.networks].off:
            await incident.act(cause)  # the other of the two; each has a plan and a steward of its own
        await self.prove(incident)

    async def look(self, incident: Incident) -> Situation:
        now = await incident.look(
            looks.database,
            looks.process,
            looks.recent_logs,
            looks.host,
            looks.networks,
            looks.old_files,
            looks.dependents,
            looks.dependents_logs,
            looks.pool_setting,
            looks.history,
        )
        if refuses_the_password(now):  # it is tried once
            return now
        return await incident.look(looks.sessions)

    async def prove(self, incident: Incident) -> None:
        """It answers for the whole window; then whoever needs it and is not well connects anew."""
        await incident.stays(verifications.REACHABLE)
        now = await incident.look(looks.dependents)
        for broken in now[looks.dependents].broken:
            await incident.carry_out(plans.restart_dependent(broken.service))
            await incident.stays(verifications.dependent_healthy(broken.service))
