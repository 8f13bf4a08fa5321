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
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    from models.incident.alert import Alert
    from models.incident.review import Review
    from models.names import DATABASE_CONNECTION_FAILURE
    from workflows.diagnosis.causes import Cause
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


def database_lost(now: Situation) -> bool:
    return now[looks.dependencies].lost_database is not None


def out_of_memory(now: Situation) -> bool:
    process = now[looks.process]
    return process.crashed and (process.oom_killed or now[looks.recent_logs].has("out-of-memory"))


def port_conflict(now: Situation) -> bool:
    said = not now[looks.process].running and now[looks.recent_logs].has("port-in-use")
    return now[looks.port_owner].taken or said


def crash(now: Situation) -> bool:
    return now[looks.process].crashed


def third_crash(now: Situation) -> bool:
    process, thresholds = now[looks.process], now.policy.thresholds
    crashes = {*now[looks.history].crashes, *([process.finished_at] if process.finished_at else [])}
    recent = [at for at in crashes if max(crashes) - at < thresholds.crash_window]
    restarted = process.restarts if process.ran_shorter_than(thresholds.crash_window) else 0
    return crash(now) and max(len(recent), restarted) >= thresholds.crash_limit


def resources_exhausted(now: Situation) -> bool:
    process = now[looks.process]
    return process.running and (process.at_its_limit or now[looks.host].bad)


def hung(now: Situation) -> bool:
    return now[looks.process].running and now[looks.health].bad


DATABASE_LOST = Cause(
    name="database lost",
    evidence="a database that it depends on does not answer",
    matches=database_lost,
    remedy="heal the database first, in its own incident; then restart",
    fix=plans.restart,
    pages="database",
)

CAUSES = (
    DATABASE_LOST,
    Cause(
        name="out of memory",
        evidence="the kernel killed its main process for memory, or a heap message in its log",
        matches=out_of_memory,
        remedy="raise the memory limit, up to its cap; then start",
        fix=plans.more_memory_then_start,
    ),
    Cause(
        name="port conflict",
        evidence="somebody else listens on its port, or `EADDRINUSE` in its log",
        matches=port_conflict,
        remedy="name the owner; kill it with approval; then start",
        fix=plans.free_the_port_then_start,
    ),
    Cause(
        name="crash loop",
        evidence="the third crash within the hour",
        matches=third_crash,
        remedy="no more restarts: list the deployments, and offer the rollback for approval",
        fix=plans.roll_back,
        pages="platform",
    ),
    Cause(
        name="crash",
        evidence="it exited, and nothing above explains why",
        matches=crash,
        remedy="start it",
        fix=plans.start,
    ),
    Cause(
        name="resources exhausted",
        evidence="CPU or memory at its limit, or its host is short of disk or memory",
        matches=resources_exhausted,
        remedy="scale out where that is allowed, or ask",
        fix=plans.scale_out,
    ),
    Cause(
        name="hung",
        evidence="it runs, and does not answer",
        matches=hung,
        remedy="restart it",
        fix=plans.restart,
    ),
)


@workflow.defn
class ServiceDown(Runbook):
    """The service does not answer its health check."""

    @workflow.run
    async def run(self, alert: Alert) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        now = await incident.look(
            looks.health,
            looks.process,
            looks.recent_logs,
            looks.port_owner,
            looks.host,
            looks.dependencies,
            looks.history,
        )
        await incident.confirm(looks.health, looks.process)
        cause = incident.diagnose(CAUSES)
        lost = now[looks.dependencies].lost_database
        if lost:
            await incident.heal_first(lost.service, DATABASE_CONNECTION_FAILURE)
            now = await incident.look(looks.health, looks.process)
        if now[looks.health].bad or (now[looks.health].unknown and now[looks.process].bad):
            await incident.act(cause)
        await incident.stays(verifications.HEALTHY)
