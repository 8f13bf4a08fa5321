"""HighErrorRate: over 5 % of the requests answer 5xx (critical, 5 minutes).

Check status   the error ratio over 5 minutes, summed before it is divided, and the worst routes
Evidence       Sentry's top issues, the logs, the database, the providers, the deployments, the
               heap, the CPU, and the failed workflows of the application
Causes         the table below, walked in order: what heals another's fault stands before what
               can be undone, and that before what cannot. Nothing matches: a person is asked
               whether to restart it once
Verify         under the threshold for the whole window, with enough traffic
Undo           the degraded mode is reverted when the providers serve us again
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.undos as undos
    import workflows.diagnosis.verifications as verifications
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.names import DATABASE_CONNECTION_FAILURE
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.deployment_signs import SHORTLY, began_after_one, began_otherwise, deployed_at
    from workflows.diagnosis.provider_failures import (
        ProviderFailure,
        heard_of,
        only_texts,
        provider_failures,
        they_serve,
    )
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.memory.signs import needs_it

HALF = 0.5
"""The share of the CPU under which there is room."""


def database_lost(now: Situation) -> bool:
    return now[looks.dependencies].lost_database is not None


def database_recovers(now: Situation) -> bool:
    lost = now[looks.dependencies].lost_database
    return lost is not None and lost.recovering


def blames_another(now: Situation) -> bool:
    """The service itself says what is not well, and it is not its database."""
    health = now[looks.health]
    return health.bad and bool(health.names) and not health.names_database


def deadlock(now: Situation) -> bool:
    """Somebody waits too long for a lock, or no connection is left. That some wait a moment is daily life."""
    return (now[looks.sessions].bad and bool(now[looks.sessions].blocked)) or now[looks.sessions].exhausted


def pool_exhausted(now: Situation) -> bool:
    """Its health check says that it is the database, or its log does while it is still unhealthy.

    The line alone may be of yesterday.
    """
    has_database, health = any(one.is_database for one in now.policy.dependencies), now[looks.health]
    in_its_log = health.bad and now[looks.recent_logs].has("pool-exhausted")
    return has_database and (health.blames_database or in_its_log)


def failures(now: Situation) -> tuple[ProviderFailure, ...]:
    return provider_failures(now, now[looks.errors].since)


def provider_down(now: Situation) -> bool:
    return heard_of(failures(now))


def not_reached(now: Situation) -> bool:
    return bool(failures(now)) and not provider_down(now)


def its_calls_succeed(now: Situation) -> bool:
    return they_serve(now, failures(now))


def only_its_words(now: Situation) -> bool:
    """Its log or its health check says it, and nothing that is measured does."""
    return only_texts(failures(now))


def bad_deployment(now: Situation) -> bool:
    """Errors since a moment that is not long after a deployment, and there is a way back."""
    return began_after_one(now, now[looks.errors])


def not_by_the_deployment(now: Situation) -> bool:
    """They began before it, or that they did not was not seen; or the version before had the same."""
    deployed, issues = deployed_at(now), now[looks.issues]
    old = deployed is not None and bool(issues.top) and issues.top[0].first_seen < deployed - SHORTLY
    return (old and not issues.new) or began_otherwise(now, now[looks.errors])


def memory_leak(now: Situation) -> bool:
    """It grows without a doubt, and is full, or soon will be: a heap that has room fails no request."""
    return now[looks.memory].certain and now[looks.memory].bad


def workflow_failures(now: Situation) -> bool:
    return now[looks.executions].bad


def failed_before(now: Situation) -> bool:
    """What failed before the errors began explains nothing."""
    since = now[looks.errors].since or now[looks.errors].observed_at
    return since is not None and all(one.closed_at < since - SHORTLY for one in now[looks.executions].types)


def out_of_capacity(now: Situation) -> bool:
    return now[looks.cpu].bad or (now[looks.process].running and now[looks.process].at_its_limit)


def cpu_is_idle(now: Situation) -> bool:
    cores, metrics = now[looks.cpu].cores, now.service.metrics
    return cores is not None and metrics is not None and cores < HALF * metrics.cpu_full


DATABASE_LOST = Cause(
    name="database lost",
    evidence="a database that it depends on does not answer",
    matches=database_lost,
    contradicted_by="the health check names something else",
    contradicts=blames_another,
    remedy="heal the database first, in its own incident",
    fix=plans.restart,
    pages="database",
    unless=database_recovers,
)

DEADLOCK = Cause(
    name="database deadlock",
    evidence="a session waits too long for another's lock, or no connection is left",
    matches=deadlock,
    contradicted_by="the health check names something else",
    contradicts=blames_another,
    remedy="show the blocking queries; restart the database with approval",
    fix=plans.restart_database,
    pages="database",
)

POOL_EXHAUSTED = Cause(
    name="pool exhausted",
    evidence="its log says that its connection pool is empty, or its health check names its database,"
    " while the database has room",
    matches=pool_exhausted,
    contradicted_by="the health check names something else",
    contradicts=blames_another,
    remedy="have it healed in the database's own incident, which can raise the pool",
    fix=ask_a_human,
)

EXTERNAL_API_DOWN = Cause(
    name="external API down",
    evidence="a provider fails: by its answer to a probe, its circuit in the log, the service's own calls,"
    " Sentry or the health check",
    matches=provider_down,
    contradicted_by="its own calls of that provider succeed",
    contradicts=its_calls_succeed,
    remedy="degrade gracefully until the provider is back; with approval where only its log or health check"
    " says so",
    fix=plans.degrade,
    undo=undos.WHEN_PROVIDERS_ARE_BACK,
    asks_if=only_its_words,
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
        contradicted_by="they began before it, or nobody saw them begin, or the version before had the same",
        contradicts=not_by_the_deployment,
        remedy="roll back with approval, and see the ratio fall",
        fix=plans.roll_back,
        pages="platform",
    ),
    Cause(
        name="memory leak",
        evidence="the heap certainly grows, and is nearly full, or will be soon at this pace: requests that"
        " need much memory fail first",
        matches=memory_leak,
        contradicted_by="it grows with the traffic, or it has just started",
        contradicts=needs_it,
        remedy="restart it, and have its memory profiled",
        fix=plans.restart,
    ),
    Cause(
        name="workflow failures",
        evidence="workflows of the application failed lately",
        matches=workflow_failures,
        contradicted_by="they failed before the errors began",
        contradicts=failed_before,
        remedy="read the failed workflows in the application's Temporal UI",
        fix=ask_a_human,
    ),
    Cause(
        name="out of capacity",
        evidence="CPU or memory at its limit",
        matches=out_of_capacity,
        contradicted_by="its CPU is idle",
        contradicts=cpu_is_idle,
        remedy="scale out, where that is allowed, or ask",
        fix=plans.scale_out,
    ),
    Cause(
        name="provider not reached",
        evidence="a provider does not answer us, and nobody else says that it fails",
        matches=not_reached,
        contradicted_by="its own calls of that provider succeed",
        contradicts=its_calls_succeed,
        remedy="find out whether only we cannot reach it; degrade if the service cannot either",
        fix=plans.degrade,
        undo=undos.WHEN_PROVIDERS_ARE_BACK,
        asks=True,
    ),
)

HEALED_WITH_THE_DATABASE = (DATABASE_LOST, POOL_EXHAUSTED)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="restart it once, and verify",
    fix=plans.restart,
    asks=True,
)


@workflow.defn
class HighErrorRate(Runbook):
    """Too many requests are answered with errors."""

    hurts = (
        "users: those requests were answered with an error in place of what was asked for, and what "
        "they were to do was perhaps not done"
    )

    @workflow.run
    async def run(self, opened: Opened) -> Review:
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
            looks.provider_calls,
            looks.cpu,
            looks.executions,
            looks.history,
        )
        await incident.have_it_answer(looks.errors)
        await incident.confirm(looks.errors)
        await incident.look(looks.issues, looks.memory)
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
        now = await incident.look(looks.providers, looks.provider_calls)
        if provider_down(now) and not its_calls_succeed(now):
            await incident.act(EXTERNAL_API_DOWN)
