"""A runbook whose fix offers three plans, of which one is only for now."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from models.actions.plan import Choice, Plan
    from models.actions.service import RestartService
    from models.actions.surroundings import Degrade
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis import looks, plans, undos, verifications
    from workflows.diagnosis.causes import Cause, Undo
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


def start_restart_or_degrade(now: Situation) -> Choice:
    """The safe one is recommended, and would be done unasked if it were offered alone."""
    degrade = Degrade(service=now.service, because_of="openai", at_most=timedelta(hours=4))
    return Choice(
        recommended=plans.start(now),
        others=(
            Plan(steps=(RestartService(service=now.service),), why="it may hang"),
            Plan(steps=(degrade,), why="it may be openai"),
        ),
    )


def undo_of(plan: Plan) -> Undo | None:
    return undos.WHEN_PROVIDERS_ARE_BACK if isinstance(plan.steps[0], Degrade) else None


CHOICE = Cause(
    name="choice",
    evidence="it is down",
    matches=lambda _: True,
    remedy="let a person choose",
    fix=start_restart_or_degrade,
    undo=undo_of,
)


@workflow.defn
class Choosing(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(looks.health, looks.process)
        await incident.confirm(looks.health, looks.process)
        taken = await incident.act(incident.diagnose((CHOICE,)))
        incident.timeline.add(f"the page goes on after: {taken.says}")
        await incident.stays(verifications.HEALTHY)
