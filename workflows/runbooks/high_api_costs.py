"""HighApiCosts: the external APIs cost more than the budget of a day (warning, 30 minutes).

Check status   the spend of the last 24 h by provider, its pace, and where the day ends
Evidence       starts of workflows against their usual number, open workflows that are tried again
               and again, the retries in the log, and the settings that save
Causes         the table below: first what is over by itself, then a loop, then by what the provider
               is paid whose bill grew most. Nothing matches: everything that saves is offered
Verify         the pace of the next hour stays within the budget
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.cost_signs as signs
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.verifications as verifications
    from models.actions.application import PauseSchedule
    from models.actions.plan import Offer, Plan, offered
    from models.actions.surroundings import SetEnvironment
    from models.base import in_words
    from models.incident.incident import EntryKind, Phase
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.service.costs import Driver
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

LOOKS_IN_AN_HOUR = 6
"""How often the spend is looked at in the time over which its pace is measured."""


def saving(now: Situation, option: str) -> Plan | None:
    """Change the settings of one option, if any of them saves. What stands still would be started by it."""
    seen = now[looks.savings]
    change = seen.options.get(option)
    if not seen.ok or change is None or not change.values or now[looks.process].down:
        return None
    step = SetEnvironment(service=now.service, file=seen.file, values=change.values, diff=change.diff)
    return Plan(steps=(step,), why=signs.in_words_of(now))


def everything_that_saves(now: Situation) -> Plan | None:
    return saving(now, looks.EVERY_SETTING)


def save_there(now: Situation) -> Offer | None:
    """The settings of the dearest provider; or all that save."""
    spend, _ = signs.dearest(now)
    return offered(saving(now, spend.api) if spend else None, everything_that_saves(now))


def pause(now: Situation) -> Plan | None:
    """Pause the schedule that starts too much. What is tried for ever goes on all the same."""
    often, temporal = signs.too_frequent(now), now.service.temporal
    if often is None or temporal is None or often.schedule not in temporal.schedules:
        return None
    because = f"{often.type} was started {often.starts} times in {in_words(now[looks.starts].window)}"
    step = PauseSchedule(service=now.service, schedule=often.schedule, because=because)
    return Plan(steps=(step,), why=signs.in_words_of(now))


def end_the_loop(now: Situation) -> Offer | None:
    """Without a schedule to pause, a person is shown the exact workflow."""
    paused = pause(now)
    return offered(paused, everything_that_saves(now)) if paused else None


OVER_ALREADY = Cause(
    name="over already",
    evidence="the budget is spent, and the pace is within it again, or as usual at this time after one step",
    matches=signs.over_already,
    contradicted_by="a workflow still loops",
    contradicts=signs.still_loops,
    remedy="change nothing; see that the pace stays within the budget until the spend is, too",
    fix=ask_a_human,
)

RETRY_LOOP = Cause(
    name="retry loop",
    evidence="the bill of a provider grew by a good part of the budget, and a workflow that calls it is"
    " started far more often than usual, or is tried again and again, or the log has many retries at it",
    matches=signs.a_loop,
    contradicted_by="its log alone says so: workflows start as often as usual, and none is stuck",
    contradicts=signs.only_its_log_says_so,
    remedy="pause the schedule that starts it, with approval; else show a person the exact workflow",
    fix=end_the_loop,
    asks=True,
)


def _paid_by(driver: Driver, name: str, evidence: str, remedy: str) -> Cause:
    return Cause(
        name=name,
        evidence=f"{evidence}, and it grew by a good part of the budget",
        matches=signs.paid_by(driver),
        contradicted_by="the bill of another provider grew more",
        contradicts=signs.another_grew_more(driver),
        remedy=f"{remedy}, with approval of the exact change; or save everywhere",
        fix=save_there,
    )


CAUSES = (
    OVER_ALREADY,
    RETRY_LOOP,
    _paid_by(
        Driver.TOKENS,
        "high token use",
        "the dearest provider is paid by tokens, as OpenAI is",
        "make its batches smaller",
    ),
    _paid_by(
        Driver.GENERATION,
        "heavy generation",
        "the dearest provider is paid by what it writes, as Anthropic is",
        "generate less often",
    ),
    _paid_by(
        Driver.VIDEOS,
        "too many videos",
        "the dearest provider is paid by the video, as Pika is",
        "make fewer videos in each run",
    ),
)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="save everywhere, and see the pace fall",
    fix=everything_that_saves,
    asks=True,
)


@workflow.defn
class HighApiCosts(Runbook):
    """The external APIs cost more than the budget."""

    hurts = (
        "the business, which pays the providers more than the budget of that time; users notice nothing of it"
    )

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.costs,
            looks.starts,
            looks.open_executions,
            looks.retries,
            looks.savings,
            looks.health,
            looks.process,
            looks.history,
        )
        await incident.have_it_answer(looks.costs)
        await incident.confirm(looks.costs)
        cause = incident.diagnose(CAUSES, otherwise=UNKNOWN)
        if cause is OVER_ALREADY:
            await self.until_it_is_within_the_budget(incident)
        else:
            await self.save(incident, cause)

    async def save(self, incident: Incident, cause: Cause) -> None:
        now = incident.now
        if cause.fix(now) is None:
            incident.hand_over(f"{cause.name}, and there is nothing to change: {signs.in_words_of(now)}")
        await incident.act(cause)
        if any(
            isinstance(step, SetEnvironment) for one in incident.record.performed for step in one.plan.steps
        ):
            has_a_check = incident.service.health is not None
            await incident.stays(verifications.HEALTHY if has_a_check else verifications.RUNS)
        await self.prove_the_pace(incident)

    async def prove_the_pace(self, incident: Incident) -> None:
        """What was spent before the change must have left the time over which the pace is measured."""
        over = signs.costs_of(incident.now).pace_over
        await incident.wait(over, "the pace of this time shows whether the change saves")
        every, why = over / LOOKS_IN_AN_HOUR, "the pace must be within the budget"
        watched = await incident.until(looks.costs, signs.within_the_pace, every, over / 2, why)
        if not watched.well:
            seen = watched.now[looks.costs]
            what = "the change did not save enough" if seen.bad else "whether it saved is not known"
            incident.hand_over(f"{what}: {signs.in_words_of(watched.now)}")
        incident.timeline.add(signs.pace_is_proved(watched.now), kind=EntryKind.VERIFIED)

    async def until_it_is_within_the_budget(self, incident: Incident) -> None:
        """What was spent leaves the time of the budget by itself; whatever is spent anew ends the wait."""
        costs = signs.costs_of(incident.now)
        incident.timeline.add(f"nothing is changed: {signs.in_words_of(incident.now)}")
        incident.only_watches("the pace is within the budget again")
        incident.show(Phase.VERIFYING)
        watched = await incident.until(
            looks.costs,
            lambda now: now[looks.costs].ok or (now[looks.costs].bad and not signs.over_already(now)),
            costs.pace_over / LOOKS_IN_AN_HOUR,
            costs.per + 2 * costs.pace_over,
            "the spend leaves the time of the budget by itself",
        )
        seen = watched.now[looks.costs]
        if not seen.ok:
            what = "it spends again" if watched.well else "it did not end by itself"
            incident.hand_over(f"{what}: {signs.in_words_of(watched.now)}")
        incident.timeline.add(seen.reason, kind=EntryKind.VERIFIED)
