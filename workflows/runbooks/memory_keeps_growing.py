"""MemoryKeepsGrowing: the heap grows for hours, and is far from full (warning, 30 minutes).

Confirm        what rose, in whatever way, is watched for half an hour by a timer, with nothing held; that
               ends at once when it is full soon
Identify       warnings of event emitters, the caches, the traffic, recent deployments, and how the process
               before this one grew
Temporary fix  restart it with approval, after its configured diagnostic; or roll back what it grows since
Afterwards     watch it for a day, and compare: what grows as before is for a person to repair
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    import workflows.memory.plans as memory_plans
    from activities.monitoring.heap_shape import Shape
    from models.actions.plan import Offer, offered
    from models.evidence.evidence import Evidence, Finding
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.service.surroundings import MemoryWatch
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.record.endings import Ending

TOLD_LATE = timedelta(minutes=30)
"""So much later than its process was started a pipeline may tell of a deployment."""


def watch(now: Situation) -> MemoryWatch:
    return now.service.metrics.memory.watch if now.service.metrics else MemoryWatch()


def full_soon(now: Situation) -> bool:
    """There is no time to watch any longer."""
    growth, metrics = now[looks.growth], now.service.metrics
    if metrics is None or growth.full_in is None or not growth.trend.sure:
        return False
    return growth.full_in <= metrics.memory.urgent_within


def grows(now: Situation) -> bool:
    return now[looks.growth].bad


def rose(now: Situation) -> Evidence:
    """Is there anything to watch? What holds more than before, in whatever way, is watched and then named.
    Only what was seen to be steady is over; a few samples say nothing yet."""
    growth = now[looks.growth]
    if growth.unknown:
        return growth
    if growth.trend.shape is Shape.UNKNOWN:
        return Evidence(reason=growth.reason, look_again_after=watch(now).every)
    return growth.model_copy(update={"finding": Finding.BAD}) if growth.rose else growth


def restarted_meanwhile(now: Situation) -> bool:
    """What has just started loads what it needs: that it grows now says nothing, unless it is full soon."""
    growth, lasts, age = now[looks.growth], watch(now).lasts, now[looks.process].age
    young = age is not None and age < lasts
    return growth.over < lasts and (growth.ok or (young and not full_soon(now)))


def grows_with_traffic(now: Situation) -> bool:
    return now[looks.growth].grows_with_traffic


def grew_before_or_warns(now: Situation) -> bool:
    return now[looks.growth].before.grows or now[looks.emitters].bad or full_soon(now)


def too_full(now: Situation) -> bool:
    """At its limit nothing can grow any more."""
    growth = now[looks.growth]
    return growth.floor is not None and growth.full is not None and growth.floor >= growth.full


def levels_off(now: Situation) -> bool:
    return now[looks.growth].trend.levels_off


def jumped(now: Situation) -> bool:
    return now[looks.growth].jumped


def grows_no_more(now: Situation) -> bool:
    return now[looks.growth].ok and now[looks.growth].trend.shape is not Shape.UNKNOWN


def grows_again(now: Situation) -> bool:
    """Somebody restarted it for this, and that changed nothing."""
    started = now[looks.process].started_at
    if started is None or not now[looks.growth].as_before:
        return False
    restart = plans.restart(now).says
    done = [one for one in now[looks.history].performed if one.done and restart in one.says]
    return any(abs(one.finished_at - started) <= TOLD_LATE for one in done)


def since_the_deployment(now: Situation) -> bool:
    """Its process is the first of its version, and there is a way back."""
    history, started = looks.deployments(now), now[looks.process].started_at
    current, by_script = history.current, now.service.rollback and len(history.deployments) > 1
    if not grows(now) or current is None or started is None or not (history.last_healthy or by_script):
        return False
    return abs(current.deployed_at - started) <= TOLD_LATE


def not_steady_before(now: Situation) -> bool:
    return not now[looks.growth].steady_before


def emitter_leak(now: Situation) -> bool:
    return grows(now) and now[looks.emitters].bad


def cache_bloat(now: Situation) -> bool:
    return grows(now) and now[looks.caches].bad


def leak(now: Situation) -> bool:
    return grows(now) and now[looks.growth].trend.sure


def warms_up(now: Situation) -> bool:
    return now[looks.growth].over < watch(now).lasts


def roll_back_or_restart(now: Situation) -> Offer | None:
    return offered(plans.roll_back(now), memory_plans.restart(now))


DISMISSED = (
    Cause(
        name="restarted meanwhile",
        evidence="its process was started while it was watched",
        matches=restarted_meanwhile,
        remedy="nothing: a heap that grows again raises the alert again",
        fix=ask_a_human,
    ),
    Cause(
        name="grows with the traffic",
        evidence="the requests grew as much as the heap did, which went up and down with them",
        matches=grows_with_traffic,
        contradicted_by="the process before grew as well, an emitter collects listeners, or it is full soon",
        contradicts=grew_before_or_warns,
        remedy="nothing: it needs more memory for more traffic",
        fix=ask_a_human,
    ),
    Cause(
        name="a cache that levels off",
        evidence="it grew, and hardly does any more",
        matches=levels_off,
        contradicted_by="its heap is full",
        contradicts=too_full,
        remedy="nothing: what fills up once is no leak",
        fix=ask_a_human,
    ),
    Cause(
        name="one step",
        evidence="it took more at one moment, and stays there",
        matches=jumped,
        remedy="nothing: when that is too much, HighMemoryUsage finds what ran then",
        fix=ask_a_human,
    ),
    Cause(
        name="grows no more",
        evidence="over the whole watch its heap is steady",
        matches=grows_no_more,
        contradicted_by="its heap is full",
        contradicts=too_full,
        remedy="nothing",
        fix=ask_a_human,
    ),
)

CAUSES = (
    *DISMISSED,
    Cause(
        name="grows again after a restart",
        evidence="it was restarted for this, and grows as the process before did",
        matches=grows_again,
        remedy="have its memory profiled: another restart only buys time",
        fix=ask_a_human,
        pages="platform",
    ),
    Cause(
        name="leak since the deployment",
        evidence="it grows since its version was deployed, to which there is an earlier one",
        matches=since_the_deployment,
        contradicted_by="the process before grew as well, or nobody knows how that was",
        contradicts=not_steady_before,
        remedy="choose: roll back, or restart it until it is repaired",
        fix=roll_back_or_restart,
        pages="platform",
    ),
    Cause(
        name="emitter leak",
        evidence="it grows, and Node.js warns of an emitter that collects listeners",
        matches=emitter_leak,
        remedy="restart it with approval; the emitter is named",
        fix=memory_plans.restart,
    ),
    Cause(
        name="cache without a bound",
        evidence="it grows by what its caches grow",
        matches=cache_bloat,
        remedy="restart it with approval; give the cache a bound",
        fix=memory_plans.restart,
    ),
    Cause(
        name="leak",
        evidence="it grows steadily, by the slope and fit of what is left after each collection of garbage",
        matches=leak,
        contradicted_by="it started a short while ago",
        contradicts=warms_up,
        remedy="restart it with approval, and have its memory profiled",
        fix=memory_plans.restart,
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="restart it once, and watch",
    fix=memory_plans.restart,
    asks=True,
)


def grows_as_before(now: Situation) -> bool:
    """For longer than what it does while it warms up."""
    return now[looks.growth].as_before and now[looks.growth].over >= 2 * watch(now).lasts


@workflow.defn
class MemoryKeepsGrowing(Runbook):
    """The memory of a service grows and grows."""

    hurts = (
        "nobody yet: the heap is far from full; once it is, in hours or days, the service ends, and "
        "those who use it are interrupted"
    )

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        now = await self.look(incident)
        await incident.have_it_answer(looks.growth)
        await incident.confirm(rose, again=(looks.process, looks.growth))
        why, asked = "watches whether its memory keeps growing", watch(now)
        await incident.until((looks.process, looks.growth), full_soon, asked.every, asked.lasts, why)
        now = await self.look(incident)
        if now[looks.growth].unknown:
            incident.hand_over(f"its memory cannot be watched any more: {now[looks.growth].reason}")
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        if cause in DISMISSED:
            incident.dismiss(f"{cause.name}: {now[looks.growth].reason}; {cause.remedy}")
        await incident.act(cause)
        await incident.stays(verifications.HEALTHY if now.service.health else verifications.RUNS)
        await self.compare(incident)

    async def look(self, incident: Incident) -> Situation:
        await incident.look(looks.process, looks.health, looks.history)
        return await incident.look(
            looks.growth, looks.memory, looks.caches, looks.emitters, looks.recent_logs
        )

    async def compare(self, incident: Incident) -> None:
        """Nobody is paged while a healthy service is watched; however that ends, the review compares."""
        incident.recovered()
        asked, why = watch(incident.now), "compares how its memory grows with how it grew before"
        both = (looks.process, looks.growth)
        try:
            watched = await incident.until(both, grows_as_before, asked.after_fix_every, asked.after_fix, why)
        except Ending:
            incident.remark(f"Memory: {incident.now[looks.growth].compared}.")
            raise
        growth = watched.now[looks.growth]
        if growth.unknown:
            incident.hand_over(f"how its memory grows cannot be compared: {growth.reason}")
        incident.remark(f"Memory: {growth.compared}.")
        if growth.bad:
            again = "it grows as before" if watched.well else "it still grows"
            incident.hand_over(f"{again}, so the restart only bought time: {growth.compared}")
