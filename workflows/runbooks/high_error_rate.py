"""HighErrorRate: over 5 % of the requests answer 5xx (critical, 5 minutes).

Check status   the error ratio over 5 minutes, summed before it is divided, and the worst routes
Evidence       Sentry's top issues, the logs, the database, the providers, the deployments, the
               heap, the CPU, and the failed workflows of the application
Causes         the table below, walked in order: what heals another's fault stands before what
               can be undone, and that before what cannot
Verify         under the threshold for the whole window, with traffic
Undo           the degraded mode is reverted when the providers serve us again
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    from models.incident.alert import Alert
    from models.incident.review import Review
    from models.names import DATABASE_CONNECTION_FAILURE
    from workflows.diagnosis.causes import Cause, Undo, ask_a_human
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

SHORTLY = timedelta(minutes=1)
"""So much earlier than the cause the metrics may show the errors: a scrape, and the clocks of machines."""
LONG_AFTER = timedelta(minutes=30)
"""Errors that begin later than this after a deployment are not blamed on it."""


def began(now: Situation, otherwise: datetime) -> datetime:
    """Since when there are too many errors, as far as the metrics know."""
    return now[looks.errors].since or now[looks.errors].observed_at or otherwise


def database_lost(now: Situation) -> bool:
    return now[looks.dependencies].lost_database is not None


def deadlock(now: Situation) -> bool:
    """Somebody waits too long for a lock, or no connection is left. That some wait a moment is daily life."""
    return (now[looks.sessions].bad and bool(now[looks.sessions].blocked)) or now[looks.sessions].exhausted


def pool_exhausted(now: Situation) -> bool:
    """Its log says so, and it is still unhealthy: the line alone may be of yesterday."""
    has_database = any(one.is_database for one in now.policy.dependencies)
    return has_database and now[looks.health].bad and now[looks.recent_logs].has("pool-exhausted")


def provider_down(now: Situation) -> bool:
    return bool(now[looks.providers].down)


def bad_deployment(now: Situation) -> bool:
    """The errors began soon after the running version was deployed, and there is a way back."""
    history = looks.deployments(now)
    by_script = now.service.rollback is not None and len(history.deployments) > 1
    if history.current is None or not (history.last_healthy or by_script):
        return False
    deployed_at = history.current.deployed_at
    return -SHORTLY <= began(now, deployed_at) - deployed_at <= LONG_AFTER


def memory_leak(now: Situation) -> bool:
    return now[looks.heap].bad


def workflow_failures(now: Situation) -> bool:
    """Some failed since the errors began, or shortly before: one that failed long ago explains nothing."""
    failed = now[looks.executions]
    return failed.bad and any(one.closed_at >= began(now, one.closed_at) - SHORTLY for one in failed.types)


def out_of_capacity(now: Situation) -> bool:
    return now[looks.cpu].bad or (now[looks.process].running and now[looks.process].at_its_limit)


DATABASE_LOST = Cause(
    name="database lost",
    evidence="a database that it depends on does not answer",
    matches=database_lost,
    remedy="heal the database first, in its own incident",
    fix=plans.restart,
    pages="database",
)

DEADLOCK = Cause(
    name="database deadlock",
    evidence="a session waits too long for another's lock, or no connection is left",
    matches=deadlock,
    remedy="show the blocking queries; restart the database with approval",
    fix=plans.restart_database,
    pages="database",
)

POOL_EXHAUSTED = Cause(
    name="pool exhausted",
    evidence="its log says that its connection pool is empty, while the database has room",
    matches=pool_exhausted,
    remedy="have it healed in the database's own incident, which can raise the pool",
    fix=ask_a_human,
)

EXTERNAL_API_DOWN = Cause(
    name="external API down",
    evidence="a provider does not answer, or limits us",
    matches=provider_down,
    remedy="degrade gracefully until the provider is back",
    fix=plans.degrade,
    undo=Undo(plans.restore, when=verifications.PROVIDERS_BACK),
)

CAUSES = (
    DATABASE_LOST,
    DEADLOCK,
    POOL_EXHAUSTED,
    EXTERNAL_API_DOWN,
    Cause(
        name="bad deployment",
        evidence="the errors began shortly after a deployment",
        matches=bad_deployment,
        remedy="roll back with approval, and see the ratio fall",
        fix=plans.roll_back,
        pages="platform",
    ),
    Cause(
        name="memory leak",
        evidence="the heap grows steadily",
        matches=memory_leak,
        remedy="restart it, and have its memory profiled",
        fix=plans.restart,
    ),
    Cause(
        name="workflow failures",
        evidence="workflows of the application failed since the errors began",
        matches=workflow_failures,
        remedy="read the failed workflows in the application's Temporal UI",
        fix=ask_a_human,
    ),
    Cause(
        name="out of capacity",
        evidence="CPU or memory at its limit",
        matches=out_of_capacity,
        remedy="scale out, where that is allowed, or ask",
        fix=plans.scale_out,
    ),
)

HEALED_WITH_THE_DATABASE = (DATABASE_LOST, POOL_EXHAUSTED)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="restart it once, and watch",
    fix=plans.restart,
)


@workflow.defn
class HighErrorRate(Runbook):
    """Too many requests are answered with errors."""

    @workflow.run
    async def run(self, alert: Alert) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.errors,
            looks.health,
            looks.process,
            looks.recent_logs,
            looks.dependencies,
            looks.sessions,
            looks.providers,
            looks.heap,
            looks.cpu,
            looks.executions,
            looks.history,
        )
        await incident.confirm(looks.errors)
        await incident.look(looks.issues)
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        if cause in HEALED_WITH_THE_DATABASE:
            await self.heal_the_database(incident)
        else:
            await incident.act(cause)
        await incident.stays(verifications.FEW_ERRORS)

    async def heal_the_database(self, incident: Incident) -> None:
        """In its own incident; a provider that is down as well is not forgotten."""
        lost = incident.now[looks.dependencies].lost_database
        nearest = next(one.name for one in incident.policy.dependencies if one.is_database)
        await incident.heal_first(lost.service if lost else nearest, DATABASE_CONNECTION_FAILURE)
        now = await incident.look(looks.providers)
        if now[looks.providers].down:
            await incident.act(EXTERNAL_API_DOWN)
