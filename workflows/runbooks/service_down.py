"""ServiceDown: the service does not answer its health check (critical, 5 minutes).

Check status   the health check; the state, the log and the port of its container
Causes         the table below, walked in order
Recovery       dependencies healthy first, then the fix, then healthy for the whole window
Escalation     not recovered at the deadline: platform team. Third crash within the hour: no
               more restarts, the rollback is offered. Database unreachable: the DBA, at once
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.how_it_runs as how_it_runs
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    import workflows.memory.ran_out as ran_out
    from models.actions.plan import Plan
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.names import DATABASE_CONNECTION_FAILURE
    from workflows.diagnosis.causes import Cause, ask_a_human, walk
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


def resources_exhausted(now: Situation) -> bool:
    process = now[looks.process]
    return process.running and (process.at_its_limit or now[looks.host].bad)


def one_more(now: Situation) -> Plan | None:
    """A second one on a host that is short would only make it shorter."""
    return None if now[looks.host].bad else plans.scale_out(now)


def quick_fix(now: Situation) -> Plan | None:
    """For what runs; what cannot be seen or is not there is nothing to restart."""
    return plans.restart(now) if now[looks.process].running else None


DATABASE_LOST = Cause(
    name="database lost",
    evidence="a database that it depends on does not answer",
    contradicted_by="somebody stopped the service itself",
    matches=how_it_runs.database_lost,
    contradicts=how_it_runs.stopped,
    remedy="heal the database first, in its own incident; then restart, if it does not connect anew",
    fix=plans.restart,
    pages="database",
    unless=how_it_runs.database_recovers,
)

DATABASE_BLAMED = Cause(
    name="database blamed",
    evidence="it answers, and says that its database is the reason; the database answers us",
    contradicted_by="the database does not answer us either",
    matches=how_it_runs.database_blamed,
    contradicts=how_it_runs.database_lost,
    remedy="have the database looked at first, in its own incident; then offer a restart",
    fix=plans.restart,
    asks=True,
)

STARTING = Cause(
    name="starting",
    evidence="younger than its `settle` time, or its manager or its own check says that it is coming up",
    contradicted_by="it is healthy, crashed too often for that, or its database is lost",
    matches=how_it_runs.is_starting,
    contradicts=how_it_runs.starts_no_more,
    remedy="wait until it may have started, and judge then; still starting after that: ask a person",
    fix=ask_a_human,
)

THROTTLED = Cause(
    name="throttled",
    evidence="the check is answered 429, or 503 with `Retry-After`",
    contradicted_by="its own process is down, or another one answers on its port",
    matches=how_it_runs.throttled,
    contradicts=how_it_runs.another_answers,
    remedy="wait as it asks, and judge then; still throttled after that: ask a person",
    fix=ask_a_human,
)

DOES_NOT_FIT = Cause(
    name="health check does not fit",
    evidence="it answers, but with 401, 403, 404, a redirect, or in another form than `health` expects",
    contradicted_by="its own process is down, or another one answers on its port",
    matches=how_it_runs.does_not_fit,
    contradicts=how_it_runs.another_answers,
    remedy="no restart: say what was answered, and which key to change",
    fix=ask_a_human,
)

CAUSES = (
    Cause(
        name="stopped by somebody",
        evidence="its manager was asked to stop or freeze it, or it ended as after a stop and nobody knows",
        contradicted_by="it is in the middle of a restart",
        matches=how_it_runs.stopped,
        contradicts=how_it_runs.is_starting,
        remedy="start it, once a person agrees; it counts as no crash",
        fix=plans.start,
        asks=True,
    ),
    DATABASE_LOST,
    Cause(
        name="out of memory",
        evidence="the kernel killed its main process for memory; or a heap message in its log, and an end"
        " that fits it",
        contradicted_by="somebody stopped or killed it, or its machine itself is short of memory",
        matches=ran_out.out_of_memory,
        contradicts=how_it_runs.not_for_its_own_memory,
        remedy="raise the memory limit, up to its cap; then start",
        fix=plans.more_memory_then_start,
    ),
    Cause(
        name="port conflict",
        evidence="somebody else listens on its port, or `EADDRINUSE` in its log",
        contradicted_by="it has only just started, and the one before may still be ending",
        matches=how_it_runs.port_conflict,
        contradicts=how_it_runs.is_young,
        remedy="name the owner; kill it with approval; then start",
        fix=plans.free_the_port_then_start,
    ),
    Cause(
        name="crash loop",
        evidence="the third crash within the hour, also while it runs for a while in between",
        contradicted_by="somebody stopped it",
        matches=how_it_runs.loops,
        contradicts=how_it_runs.stopped,
        remedy="no more restarts: list the deployments, and offer the rollback for approval",
        fix=plans.roll_back,
        pages="platform",
    ),
    STARTING,
    Cause(
        name="out of memory, by its log alone",
        evidence="a heap message in its log, while neither the kernel nor its end speaks for that",
        contradicted_by="somebody stopped or killed it",
        matches=ran_out.only_logged,
        contradicts=how_it_runs.ended_by_somebody,
        remedy="only start it: a text can make it log that; whether it needs more memory, a person judges",
        fix=ran_out.just_start,
    ),
    Cause(
        name="crash",
        evidence="it ended without being asked to, and nothing above explains why",
        contradicted_by="somebody stopped it",
        matches=how_it_runs.crash,
        contradicts=how_it_runs.stopped,
        remedy="start it",
        fix=plans.start,
    ),
    THROTTLED,
    DOES_NOT_FIT,
    DATABASE_BLAMED,
    Cause(
        name="resources exhausted",
        evidence="CPU or memory at its limit, or its host is short of disk or memory",
        contradicted_by="something that it depends on does not answer",
        matches=resources_exhausted,
        contradicts=how_it_runs.something_else_is_broken,
        remedy="scale out where that is allowed and its host has room, or ask",
        fix=one_more,
    ),
    Cause(
        name="hung",
        evidence="it has been running for longer than its `settle` time, and answers nothing",
        contradicted_by="something else is to blame, it is between two crashes, its last words are of a"
        " migration, its own HEALTHCHECK passes, or the check asks elsewhere",
        matches=how_it_runs.hung,
        contradicts=how_it_runs.not_hung,
        remedy="restart it",
        fix=plans.restart,
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="offer a restart of what runs",
    fix=quick_fix,
    asks=True,
)

WAITED_FOR = (STARTING, THROTTLED)
LEFT_TO_A_PERSON = (*WAITED_FOR, DOES_NOT_FIT)
"""What runs and answers, or is about to: nothing is changed."""
WITH_THE_DATABASE = (DATABASE_LOST, DATABASE_BLAMED)


@workflow.defn
class ServiceDown(Runbook):
    """The service does not answer its health check."""

    hurts = "users, and other services that call it: none of them gets an answer while it is down"

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        now = await self.settled(incident, await self.look(incident))
        if walk(CAUSES, now).cause in LEFT_TO_A_PERSON:
            cause = incident.diagnose(CAUSES)
            starting = f"still starting: {self.trouble(now)}"
            unverified = f"could not verify the alert: {self.trouble(now)}; no action taken"
            incident.hand_over(starting if cause is STARTING else unverified)
        own_check = now.service.health is None and how_it_runs.is_well(now)
        await incident.confirm(*([looks.process] if own_check else [looks.health, looks.process]))
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        now = await self.heal_the_database(incident) if cause in WITH_THE_DATABASE else incident.now
        if how_it_runs.is_unwell(now):
            await incident.act(cause)
        await incident.stays(verifications.HEALTHY if now.service.health else verifications.RUNS)

    async def look(self, incident: Incident) -> Situation:
        return await incident.look(
            looks.health,
            looks.process,
            looks.recent_logs,
            looks.port_owner,
            looks.host,
            looks.dependencies,
            looks.history,
        )

    async def settled(self, incident: Incident, now: Situation) -> Situation:
        """Wait for what is starting or asks to be left alone, within its bound; then look again."""
        until = incident.path.now + how_it_runs.longest_start(now)
        while (cause := walk(CAUSES, now).cause) in WAITED_FOR and incident.path.now < until:
            asked = now[looks.health].look_again_after or how_it_runs.settle(now)
            pause = asked if cause is THROTTLED else how_it_runs.until_it_has_started(now)
            await incident.wait(pause, self.trouble(now))
            now = await self.look(incident)
        return now

    async def heal_the_database(self, incident: Incident) -> Situation:
        """In its own incident. Afterwards the service has its time to connect anew by itself."""
        lost = incident.now[looks.dependencies].lost_database
        nearest = next(one.name for one in incident.policy.dependencies if one.is_database)
        database = lost.service if lost else nearest
        healing = await incident.heal_first(database, DATABASE_CONNECTION_FAILURE)
        now = await incident.look(looks.health, looks.process, looks.history)
        if how_it_runs.is_unwell(now):
            now = await incident.look(looks.dependencies)
            if how_it_runs.database_lost(now) and not how_it_runs.stopped(now):
                why = f"the database is still lost: {now[looks.dependencies].reason}; see {healing}"
                incident.hand_over(why)
        if now[looks.process].running and how_it_runs.is_unwell(now):
            await incident.wait(how_it_runs.settle(now), "it may connect to its database by itself")
            now = await incident.look(looks.health, looks.process)
        if how_it_runs.stopped(now):
            incident.hand_over(f"somebody stopped it meanwhile: {now[looks.process].reason}")
        return now

    def trouble(self, now: Situation) -> str:
        """What the process says while it starts, else what the check was answered."""
        health, process = now[looks.health], now[looks.process]
        answered = health.does_not_fit or health.asks_to_wait
        return health.reason if answered else f"{process.reason}; {health.reason}"
