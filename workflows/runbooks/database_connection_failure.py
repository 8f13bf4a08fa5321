"""DatabaseConnectionFailure: PostgreSQL cannot be reached (critical, 5 minutes).

Check status   the container; `SELECT 1` with a time-out; what the application's log says
Causes         the table below, walked in order
Recovery       wait while it recovers by itself, within a bound; then a person is called
               start or restart, `SELECT 1`, then the application, then the whole window
Escalation     unreachable after the fix: the DBA; a full disk: the DBA, at once
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.database_signs as signs
    import workflows.diagnosis.how_it_runs as how_it_runs
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    from activities.postgres.database_seen import DatabaseKind
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.repeated import done_since, exactly
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

HUNG_TRIES = 3
"""So often in a row it must not answer before it counts as hung."""


RECOVERING = Cause(
    name="recovering",
    evidence="it says that it starts, recovers or shuts down (57P03); or it was started a moment ago and does"
    " not answer yet",
    matches=signs.recovering,
    remedy="wait for it, and go on by itself; call a person when it takes too long; never restart it",
    fix=ask_a_human,
)

NETWORK = Cause(
    name="network",
    evidence="the application and the database share no Docker network",
    matches=signs.off_the_network,
    remedy="connect it to the network again, with approval",
    fix=plans.reattach_network,
    contradicted_by="it answers, and the application has sessions or a full pool: they connect another way",
    contradicts=signs.connection_works,
)

CAUSES = (
    Cause(
        name="disk full",
        evidence="no space left on a disk of the database",
        matches=signs.disk_full,
        remedy="escalate at once; offer to clean up old log files, with approval",
        fix=plans.clean_up_then_start,
        pages="database",
    ),
    Cause(
        name="stopped by somebody",
        evidence="its manager was asked to stop or freeze it, or it ended as after a stop and nobody knows",
        matches=how_it_runs.stopped,
        remedy="start it, once a person agrees",
        fix=plans.start,
        asks=True,
        contradicted_by="it answers",
        contradicts=signs.answers,
    ),
    Cause(
        name="crash loop",
        evidence="the third crash within the hour",
        matches=how_it_runs.loops,
        remedy="no more starts unasked: read its log, and have its DBA look at it",
        fix=plans.start,
        pages="database",
        asks=True,
        contradicted_by="somebody stopped it, or it answers",
        contradicts=lambda now: how_it_runs.stopped(now) or signs.answers(now),
    ),
    Cause(
        name="down",
        evidence="its container or process is not running",
        matches=signs.down,
        remedy="start it",
        fix=plans.start,
        pages="database",
        contradicted_by="it answers, or somebody stopped it",
        contradicts=lambda now: signs.answers(now) or how_it_runs.stopped(now),
    ),
    RECOVERING,
    Cause(
        name="wraparound",
        evidence="it takes no writes, to avoid transaction ID wraparound",
        matches=signs.wraparound,
        remedy="no restart: end old transactions, prepared ones and unused replication slots, then `VACUUM`",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="damaged",
        evidence="it cannot read its own files",
        matches=signs.met(DatabaseKind.DAMAGED),
        remedy="no restart: keep a copy of its files, check its disk, restore a backup",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="out of memory",
        evidence="it says that its memory is used up (53200)",
        matches=signs.met(DatabaseKind.OUT_OF_MEMORY),
        remedy="fewer sessions, less `work_mem`, or more memory; a restart only delays it",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="wrong credentials",
        evidence="it refuses the password",
        matches=signs.wrong_credentials,
        remedy="never tried again: compare the connection string with the database's users",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="not admitted",
        evidence="`pg_hba.conf` has no entry, TLS is asked for or not offered, or the database is closed",
        matches=signs.not_admitted,
        remedy="never tried again: add the entry that it names, or set `sslmode` in the connection string",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="no such database",
        evidence="it has no database of that name",
        matches=signs.no_such_database,
        remedy="compare the name in the connection string; restore it if it was dropped",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="pooler",
        evidence="a pooler before it gives no connection, and says so",
        matches=signs.met(DatabaseKind.POOLER),
        remedy="look at the pooler that it names: its pool size, client limit, and own login; no restart of"
        " the database",
        fix=ask_a_human,
    ),
    Cause(
        name="connection limit",
        evidence="as many sessions as `max_connections` allows less the reserved ones, or as its role or"
        " database may have",
        matches=signs.out_of_connections,
        remedy="terminate sessions idle for longer than the limit, or raise `max_connections`, with approval;"
        " the limit of a role or database is its DBA's",
        fix=plans.room_for_connections,
    ),
    NETWORK,
    Cause(
        name="another server",
        evidence="its connection string leads to another port than its own, or somebody else listens on that",
        matches=signs.another_server,
        remedy="no restart: correct the connection string, or look at who answers there",
        fix=ask_a_human,
        contradicted_by="the database itself is not running",
        contradicts=signs.down,
    ),
    Cause(
        name="hung",
        evidence="it accepts connections and answers nothing, three times in a row",
        matches=signs.hung,
        remedy="force a restart, with approval",
        fix=plans.restart_database,
        pages="database",
        contradicted_by="it was started a moment ago, or the connection string leads to another server",
        contradicts=signs.not_hung,
    ),
    Cause(
        name="read-only",
        evidence="the application's log says that it may only read",
        matches=signs.read_only,
        remedy="after a failover, point the connection string at the new primary; else ask its DBA",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="pool exhausted",
        evidence="the application's log says that its pool is empty, while the database has room",
        matches=signs.pool_exhausted,
        remedy="raise the application's pool size, with the exact change of its env file",
        fix=plans.bigger_pool,
    ),
)


@workflow.defn
class DatabaseConnectionFailure(Runbook):
    """The database cannot be reached."""

    hurts = (
        "users of everything that needs this database: what they ask for fails, and nothing that they "
        "do is kept, while it cannot be reached"
    )

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        now = await self.look(incident)
        if signs.recovering(now) and incident.diagnose(CAUSES) is RECOVERING:
            late = verifications.RECOVERED_LATE if now[looks.database].recovering else None
            await incident.comes_back(verifications.RECOVERED, late)
            now = await self.look(incident)
            if now[looks.database].ok:
                await self.prove(incident)
                return
        await incident.confirm(
            signs.application_cannot_connect,
            looks.database,
            looks.process,
            looks.networks,
            again=(looks.database, looks.dependents, looks.dependents_logs),
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
            looks.port_owner,
            looks.host,
            looks.networks,
            looks.old_files,
            looks.dependents,
            looks.dependents_logs,
            looks.pool_setting,
            looks.history,
        )
        if signs.refuses_the_password(now):  # it is tried once
            return now
        for _ in range(HUNG_TRIES - 1):
            if not signs.hung(now):
                break
            now = await incident.look(looks.database)
        return await incident.look(looks.sessions)

    async def prove(self, incident: Incident) -> None:
        """It answers for the whole window; then its dependents that are not healthy reconnect.

        One that was restarted since it answers again, and is not healthy, is restarted once more only
        with approval.
        """
        await incident.stays(verifications.REACHABLE)
        now = await incident.look(looks.dependents, looks.dependent_history)
        for broken in now[looks.dependents].broken:
            restart = plans.restart_dependent(broken.service)(now)
            again = done_since(restart, now[looks.dependent_history], incident.record.recovered_at)
            await incident.carry_out(exactly(again or restart), asks=again is not None)
            await incident.stays(verifications.dependent_healthy(broken.service))
