"""ConfiguredAnswer: an alert that the configuration itself answers, with one action on its service.

Look      the `look` of the answer; for a restart without one, the health check and the process. Before a
          restart, what is starting has its time
Act       the restart or the script, with approval where the answer, its risk or the severity ask for it
Verify    the `verify` of the answer; for a restart without one, the service's health
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.how_it_runs as how_it_runs
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    import workflows.diagnosis.verifications as verifications
    from models.actions.answers import RunScript
    from models.actions.plan import Plan
    from models.evidence.evidence import Evidence
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis.causes import Cause
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


def is_bad(now: Situation) -> bool:
    """By the look of the answer alone where it has one."""
    answer = now.policy.answer
    if answer is not None and answer.look:
        return now[looks.answer].bad
    return now[looks.health].bad or now[looks.process].bad


def asks(now: Situation) -> bool:
    """A person is asked: as the answer says; and before a restart of what somebody stopped."""
    answer = now.policy.answer
    return answer is not None and (answer.asks or (answer.restarts and how_it_runs.stopped(now)))


def is_starting(now: Situation) -> bool:
    """A restart would only make its start begin anew."""
    answer = now.policy.answer
    if answer is None or not answer.restarts:
        return False
    return is_bad(now) and how_it_runs.is_starting(now) and not how_it_runs.starts_no_more(now)


def the_action(now: Situation) -> Plan | None:
    """The restart, or the script, as the configuration had it when the incident began."""
    answer = now.policy.answer
    if answer is None:
        return None
    if answer.restarts:
        return plans.restart(now)
    script = RunScript(
        service=now.service,
        command=answer.act,
        verify=answer.proof or answer.act,
        timeout=answer.timeout,
        environment=answer.environment,
        effect=answer.changes,
        way_back=answer.undo,
    )
    return Plan(steps=(script,), why=now[looks.answer].reason)


CAUSES = (
    Cause(
        name="as configured, with approval",
        evidence="what its `answer` looks at is bad, and a person is to be asked",
        matches=lambda now: is_bad(now) and asks(now),
        remedy="the restart or the script of its `answer`",
        fix=the_action,
        asks=True,
    ),
    Cause(
        name="as configured",
        evidence="what its `answer` looks at is bad",
        matches=lambda now: is_bad(now) and not asks(now),
        remedy="the restart or the script of its `answer`, as its risk allows",
        fix=the_action,
    ),
)


@workflow.defn
class ConfiguredAnswer(Runbook):
    """The configuration answers this alert with one action."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        answer = incident.policy.answer
        if answer is None:
            incident.hand_over("the configuration has no answer to this alert any more")
        now = await self.settled(incident, await self.look(incident))
        if is_starting(now):
            incident.hand_over(f"still starting, so it was not restarted: {now.trouble}")
        await incident.confirm(*((looks.answer,) if answer.look else self.own_checks(incident)))
        await incident.act(incident.diagnose(CAUSES))
        if answer.proof:
            await incident.stays(verifications.PROVED, looks.answer)
        else:
            by_health = incident.service.health is not None
            await incident.stays(verifications.HEALTHY if by_health else verifications.RUNS)

    async def look(self, incident: Incident) -> Situation:
        return await incident.look(
            looks.answer, looks.health, looks.process, looks.recent_logs, looks.history
        )

    async def settled(self, incident: Incident, now: Situation) -> Situation:
        """Wait for what is starting, within its bound; then look again."""
        until = incident.path.now + how_it_runs.longest_start(now)
        while is_starting(now) and incident.path.now < until:
            await incident.wait(how_it_runs.until_it_has_started(now), now.trouble)
            now = await self.look(incident)
        return now

    def own_checks(self, incident: Incident) -> tuple[Look[Evidence], ...]:
        return (looks.health, looks.process) if incident.service.health else (looks.process,)
