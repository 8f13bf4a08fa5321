"""ProductionSlow: the service answers, and too late (warning, 30 minutes).

Check status   p95 and p99 over 5 minutes, overall and by route, health checks and scrapes left out
Where it goes  the database (slow statements, locks, tables read whole, statistics), the providers, the
               memory, the CPU, the deployments, the traffic
Causes         the table below, walked in order: who is waited for stands before what is short of
               room, and what is repaired without harm before what needs a person
Verify         p95 under its threshold for the whole window, with enough traffic
Undo           the degraded mode is reverted when the providers are fast again
Escalate       with what is slow in the database, as it is then; an index is suggested, and never made
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.undos as undos
    import workflows.diagnosis.verifications as verifications
    from models.actions.database import AnalyzeTables, TableStatistics
    from models.actions.plan import Offer, Plan, offered
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.deployment_signs import began_after_one, began_otherwise
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.slowness.signs import (
        HALF,
        MANY,
        cpu_is_full,
        cpu_is_idle,
        not_its_memory,
        not_its_work,
        short_of_memory,
        traffic_grew,
    )

DATABASE = "database"
"""What a route needs, as `latency.needs` says it; anything else is a provider."""


def locks(now: Situation) -> bool:
    """Sessions of the application wait for another's lock: for long, or again and again."""
    role = now.database.database.role if now.database and now.database.database else None
    ours = any(role in (None, one.user) for one in now[looks.sessions].blocked)
    return (now[looks.sessions].bad and ours) or bool(now[looks.slowness].blocked)


def wait_for_what_is_slow(now: Situation) -> bool:
    """Who holds the locks are slow statements of the application itself, whose tables have old statistics."""
    role = now.database.database.role if now.database and now.database.database else None
    holders = now[looks.sessions].blockers
    ours = all(one.state == "active" and role in (None, one.user) for one in holders)
    return bool(holders) and ours and old_statistics(now) and not new_enough(now)


def nobody_waits(now: Situation) -> bool:
    return nobody_needs(now, DATABASE) or wait_for_what_is_slow(now)


def providers_slow(now: Situation) -> bool:
    return now[looks.provider_times].bad


def old_statistics(now: Situation) -> bool:
    """Slow statements use tables whose statistics are out of date, and they can be renewed here."""
    return bool(now[looks.slowness].stale) and not now[looks.slowness].standby


def new_enough(now: Situation) -> bool:
    """They were renewed since it is slow, or are being renewed; or nobody waits for them."""
    return not_the_database(now) or not tables_to_analyze(now)


def missing_index(now: Situation) -> bool:
    return bool(now[looks.slowness].missing)


def slow_statements(now: Situation) -> bool:
    return now[looks.slowness].bad


def not_the_database(now: Situation) -> bool:
    """No slow route needs it, or what is slow in it are single reports, none again and again."""
    return nobody_needs(now, DATABASE) or not now[looks.slowness].repeated


def not_these_providers(now: Situation) -> bool:
    """No slow route needs them; or they answer a probe in time, and the service has no time for its calls."""
    seen = now[looks.provider_times]
    answers = all(one.label in seen.probed_fast for one in seen.slow)
    return nobody_needs(now, *(one.label for one in seen.slow)) or (has_no_time(now) and answers)


def has_no_time(now: Situation) -> bool:
    """The service itself: most of its routes are slow, or its CPU is busy."""
    seen = now[looks.latency]
    most = seen.routes_seen >= MANY and len(seen.routes) > HALF * seen.routes_seen
    return most or now[looks.cpu].bad or now[looks.collecting].bad


def nobody_needs(now: Situation, *what: str) -> bool:
    """It is known what every slow route needs, and that is something else."""
    metrics, slow = now.service.metrics, now[looks.latency].routes
    needs = metrics.latency.needs if metrics else {}
    wanted = {one.casefold() for one in what}
    known = bool(slow) and all(one.label in needs for one in slow)
    return known and not any(need.casefold() in wanted for one in slow for need in needs[one.label])


def bad_deployment(now: Situation) -> bool:
    return began_after_one(now, now[looks.latency])


def not_by_the_deployment(now: Situation) -> bool:
    return began_otherwise(now, now[looks.latency])


def tables_to_analyze(now: Situation) -> tuple[TableStatistics, ...]:
    """Those whose statistics were not renewed since it is slow, and are not being renewed now."""
    seen, since = now[looks.slowness], now[looks.latency].since
    return tuple(
        one
        for one in seen.stale
        if one.full not in seen.analyzing and not (since and one.analyzed_at and one.analyzed_at >= since)
    )


def analyze(now: Situation) -> Plan | None:
    """Renew exactly these statistics."""
    tables = tables_to_analyze(now)
    if now.database is None or not tables:
        return None
    why = "; ".join(one.says for one in tables[:5])
    return Plan(steps=(AnalyzeTables(service=now.database, tables=tables),), why=why)


def roll_back_or_scale(now: Situation) -> Offer | None:
    """The way back, recommended; more room for the new version, where it is short of CPU."""
    return offered(plans.roll_back(now), plans.scale_out(now) if now[looks.cpu].bad else None)


def restart_or_scale(now: Situation) -> Offer | None:
    """What may help whatever it is; a person decides."""
    return offered(plans.restart(now), plans.scale_out(now))


CAUSES = (
    Cause(
        name="locks",
        evidence="sessions of the application wait in its database for another's lock",
        matches=locks,
        contradicted_by="no slow route needs the database, or who holds it is slow itself by old statistics",
        contradicts=nobody_waits,
        remedy="show who holds it; end those that hold it and do nothing, with approval",
        fix=plans.end_blockers,
        pages="database",
    ),
    Cause(
        name="slow provider",
        evidence="a provider takes longer than it may, and twice its usual time",
        matches=providers_slow,
        contradicted_by="no slow route needs it; or it answers a probe in time, and most routes are slow or"
        " the CPU is busy",
        contradicts=not_these_providers,
        remedy="call it less: degrade until it is fast again",
        fix=plans.degrade_while_slow,
        undo=undos.WHEN_PROVIDERS_ARE_FAST,
    ),
    Cause(
        name="old statistics",
        evidence="slow statements use tables that were never analyzed, or changed a lot since",
        matches=old_statistics,
        contradicted_by="they were analyzed since it is slow, or are being analyzed; one report alone is"
        " slow; or no slow route needs the database",
        contradicts=new_enough,
        remedy="`ANALYZE` exactly these tables; not again if that does not help",
        fix=analyze,
    ),
    Cause(
        name="bad deployment",
        evidence="it is slow since shortly after a deployment",
        matches=bad_deployment,
        contradicted_by="it was slow before it, or nobody saw it begin",
        contradicts=not_by_the_deployment,
        remedy="offer the rollback",
        fix=roll_back_or_scale,
        asks=True,
        pages="platform",
    ),
    Cause(
        name="missing index",
        evidence="slow statements compare columns of a large table that no index begins with",
        matches=missing_index,
        contradicted_by="one report alone is slow, or no slow route needs the database",
        contradicts=not_the_database,
        remedy="suggest the exact index; it is never made unasked",
        fix=ask_a_human,
    ),
    Cause(
        name="slow statements",
        evidence="statements of the application take half of the time that a request may take",
        matches=slow_statements,
        contradicted_by="one report alone is slow, or no slow route needs the database",
        contradicts=not_the_database,
        remedy="report them",
        fix=ask_a_human,
        pages="database",
    ),
    Cause(
        name="short of memory",
        evidence="its heap is full, or much of its time goes into collecting garbage",
        matches=short_of_memory,
        contradicted_by="it has just started, it hardly collects any garbage, or one route alone is slow",
        contradicts=not_its_memory,
        remedy="restart it, and have its memory profiled",
        fix=plans.restart,
    ),
    Cause(
        name="more traffic",
        evidence="it has over one and a half times its usual requests",
        matches=traffic_grew,
        contradicted_by="its CPU is idle",
        contradicts=cpu_is_idle,
        remedy="scale out, where that is allowed, or ask",
        fix=plans.scale_out,
    ),
    Cause(
        name="busy CPU",
        evidence="it uses as much CPU as it may",
        matches=cpu_is_full,
        contradicted_by="it collects garbage or has more traffic, or one route alone is slow",
        contradicts=not_its_work,
        remedy="scale out, where that is allowed, or have its code profiled",
        fix=plans.scale_out,
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="restart it once, or scale out where that is allowed, and verify",
    fix=restart_or_scale,
    asks=True,
)


@workflow.defn
class ProductionSlow(Runbook):
    """The service answers too late."""

    hurts = "users, who wait too long for their answers, so that some give up"

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.latency,
            looks.health,
            looks.process,
            looks.sessions,
            looks.slowness,
            looks.provider_times,
            looks.memory,
            looks.collecting,
            looks.cpu,
            looks.history,
        )
        await incident.have_it_answer(looks.latency)
        await incident.confirm(looks.latency)
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        if cause.fix(incident.now) is None:
            incident.hand_over(report(cause, incident.now))
        await incident.act(cause)
        await incident.stays(verifications.FAST, looks.slowness)


def report(cause: Cause, now: Situation) -> str:
    """What is slow in the database, for the person who goes on: with the exact index that is missing."""
    return f"the cause is {cause.name}: {cause.remedy}; in the database: {now[looks.slowness].reason}"
