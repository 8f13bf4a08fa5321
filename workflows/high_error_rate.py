"""HighErrorRate: over 5 % of the requests answer 5xx (`runbook.md`, critical, 5 minutes).

Check status   the error ratio over 5 minutes, summed before it is divided, and the worst routes
Evidence       Sentry's top issues, the logs, the database, the providers, the deployments, the
               heap, the CPU, and the failed workflows of the application
Causes         the table below, walked in order: what heals another's fault stands before what
               can be undone, and that before what cannot
Verify         under the threshold for the whole window, with traffic
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.alert import Alert
    from models.names import DATABASE_CONNECTION_FAILURE
    from models.review import Review
    from workflows import fixes, steps, watches
    from workflows.diagnosis import Cause, Undo, ask_a_human
    from workflows.incident import Incident
    from workflows.runbook import Runbook
    from workflows.situation import Situation

SCRAPE = timedelta(minutes=1)
"""How late the metrics may show a deployment that was already seen."""
SHORTLY_AFTER = timedelta(minutes=30)
"""Errors that begin later than this after a deployment are not blamed on it."""


def database_lost(now: Situation) -> bool:
    return now.seen.dependencies.lost_database is not None


def deadlock(now: Situation) -> bool:
    return bool(now.seen.sessions.blocked) or now.seen.sessions.exhausted


def provider_down(now: Situation) -> bool:
    return bool(now.seen.providers.down)


def bad_deployment(now: Situation) -> bool:
    """The errors began after the running version was deployed, and not long after."""
    current, since = now.seen.history.current, now.seen.errors.since
    if current is None or now.seen.history.last_healthy is None:
        return False
    began = since or now.seen.errors.observed_at or current.deployed_at
    return current.deployed_at <= began + SCRAPE and began - current.deployed_at <= SHORTLY_AFTER


def memory_leak(now: Situation) -> bool:
    return now.seen.heap.bad


def workflow_failures(now: Situation) -> bool:
    return now.seen.executions.bad


def out_of_capacity(now: Situation) -> bool:
    return now.seen.cpu.bad or (now.seen.process.running and now.seen.process.at_its_limit)


CAUSES = (
    Cause(
        name="database lost",
        evidence="a database that it depends on does not answer",
        matches=database_lost,
        remedy="heal the database first, in its own incident",
        fix=fixes.restart,
        pages="database",
    ),
    Cause(
        name="database deadlock",
        evidence="sessions block one another, or no connection is left",
        matches=deadlock,
        remedy="show the blocking queries; restart the database with approval",
        fix=fixes.restart_database,
        pages="database",
    ),
    Cause(
        name="external API down",
        evidence="a provider does not answer, or limits us",
        matches=provider_down,
        remedy="degrade gracefully until the provider is back",
        fix=fixes.degrade,
        undo=Undo(fixes.restore, when=watches.PROVIDERS_BACK),
    ),
    Cause(
        name="bad deployment",
        evidence="the errors began shortly after a deployment",
        matches=bad_deployment,
        remedy="roll back with approval, and see the ratio fall",
        fix=fixes.roll_back,
        pages="platform",
    ),
    Cause(
        name="memory leak",
        evidence="the heap grows steadily",
        matches=memory_leak,
        remedy="restart it, and have its memory profiled",
        fix=fixes.restart,
    ),
    Cause(
        name="workflow failures",
        evidence="workflows of the application failed in the window",
        matches=workflow_failures,
        remedy="read the failed workflows in the application's Temporal UI",
        fix=ask_a_human,
    ),
    Cause(
        name="out of capacity",
        evidence="CPU or memory at its limit",
        matches=out_of_capacity,
        remedy="scale out",
        fix=fixes.scale_out,
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="restart it once, and watch",
    fix=fixes.restart,
)


@workflow.defn
class HighErrorRate(Runbook):
    """Too many requests are answered with errors."""

    @workflow.run
    async def run(self, alert: Alert) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        seen = await incident.look(
            steps.errors,
            steps.process,
            steps.recent_logs,
            steps.dependencies,
            steps.sessions,
            steps.providers,
            steps.heap,
            steps.cpu,
            steps.executions,
            steps.history,
        )
        incident.confirm(seen.errors)
        await incident.look(steps.issues)
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        lost = seen.dependencies.lost_database
        if lost:
            await incident.heal_first(lost.service, DATABASE_CONNECTION_FAILURE)
        else:
            await incident.act(cause)
        await incident.stays(watches.FEW_ERRORS)
