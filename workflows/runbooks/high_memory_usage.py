"""HighMemoryUsage: the heap is over 90 % for 10 minutes (warning, 30 minutes).

Check status   the heap after its collections of garbage against its limit, what the container uses, the log
Causes         the table below, walked in order: what can be named before what can only be restarted
Urgent         it is certain that it grows, and full within 15 minutes: its fix is done at once.
               Otherwise a person approves, and may choose a larger heap
Before         a restart takes the evidence away: the configured diagnostic is taken first
Verify         it is healthy, and its heap has room, each for the whole window
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.verifications as verifications
    import workflows.memory.plans as plans
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis.causes import Cause
    from workflows.diagnosis.how_it_runs import settle
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.memory.signs import needs_it


def cache_bloat(now: Situation) -> bool:
    """The caches are what the heap grew by."""
    return now[looks.caches].bad and now[looks.memory].rose


def caches_are_full(now: Situation) -> bool:
    """They hardly grow any more, while the heap goes on."""
    return now[looks.caches].trend.levels_off and now[looks.memory].grows


def emitter_leak(now: Situation) -> bool:
    """A warning alone is no leak: the heap grows as well."""
    return now[looks.emitters].bad and now[looks.memory].grows


def something_else_grows(now: Situation) -> bool:
    return (cache_bloat(now) and not caches_are_full(now)) or needs_it(now)


def leak(now: Situation) -> bool:
    return now[looks.memory].grows


def spike(now: Situation) -> bool:
    return now[looks.memory].jumped


def loaded_at_its_start(now: Situation) -> bool:
    """What it takes when it starts is its working set."""
    memory = now[looks.memory]
    started, jumped = now[looks.process].started_at or memory.since, memory.trend.since
    return started is not None and jumped is not None and jumped - started <= settle(now)


CAUSES = (
    Cause(
        name="cache bloat",
        evidence="the caches grew by half of what the heap grew by, or more",
        matches=cache_bloat,
        contradicted_by="the caches level off, while the heap grows on",
        contradicts=caches_are_full,
        remedy="clear the caches where a call for it is configured; else restart it",
        fix=plans.clear_cache,
        urgent=plans.runs_out,
    ),
    Cause(
        name="emitter leak",
        evidence="its log warns of an emitter with too many listeners, and the heap grows",
        matches=emitter_leak,
        contradicted_by="the caches are what it grew by, it grows with the traffic, or it has just started",
        contradicts=something_else_grows,
        remedy="restart it, and name the emitter",
        fix=plans.restart_or_more_heap,
        urgent=plans.runs_out,
    ),
    Cause(
        name="memory leak",
        evidence="what collections of garbage leave behind grows steadily",
        matches=leak,
        contradicted_by="it grows with the traffic, or it has just started",
        contradicts=needs_it,
        remedy="restart it, and have its memory profiled",
        fix=plans.restart_or_more_heap,
        urgent=plans.runs_out,
    ),
    Cause(
        name="memory spike",
        evidence="it took more at one moment, and holds it",
        matches=spike,
        contradicted_by="that was when it started: it is what it needs",
        contradicts=loaded_at_its_start,
        remedy="read what ran then, and have it done in smaller parts; a larger heap may be approved",
        fix=plans.more_heap,
        asks=True,
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="restart it once, or raise its limit, and verify",
    fix=plans.restart_or_more_heap,
    asks=True,
)


@workflow.defn
class HighMemoryUsage(Runbook):
    """The heap is nearly full."""

    hurts = (
        "users, once the heap is full: the service then becomes slow or ends, and those who use it are "
        "interrupted"
    )

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(looks.process, looks.health, looks.recent_logs, looks.emitters, looks.history)
        await incident.look(looks.memory, looks.caches)
        await incident.look(looks.heap_limit)
        await incident.have_it_answer(looks.memory)
        await incident.confirm(looks.memory, plans.in_its_container, again=(looks.process,))
        await incident.look(looks.routes_then, looks.starts_then, looks.lines_then)
        await incident.act(incident.diagnose(CAUSES, otherwise=UNKNOWN))
        await incident.stays(verifications.HEALTHY if incident.now.service.health else verifications.RUNS)
        await incident.stays(verifications.ROOM_IN_THE_HEAP)
