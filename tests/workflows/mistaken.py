"""Runbooks with a mistake in them, each in another place."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.plan import Plan
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis import looks, plans, verifications
    from workflows.diagnosis.causes import Cause, Undo
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


def too_young(now: Situation) -> bool:
    """Compares what cannot be compared."""
    return bool(now[looks.process].restarts < now.policy.thresholds.crash_window)  # type: ignore[operator]


def nothing_to_revert(now: Situation) -> Plan | None:
    raise KeyError(now.service.name)


CAUSES = (Cause(name="too young", evidence="it is", matches=too_young, remedy="start it", fix=plans.start),)


async def confirmed(incident: Incident) -> None:
    await incident.look(looks.health, looks.process)
    await incident.confirm(looks.health, looks.process)


@workflow.defn
class MistakenPage(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        incident.diagnose(CAUSES)


@workflow.defn
class MistakenMidway(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.carry_out(plans.start)
        raise IndexError(incident.record.performed[0].found)


@workflow.defn
class MistakenRevert(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.carry_out(
            plans.start, Undo("never", fix=nothing_to_revert, when=verifications.PROVIDERS_BACK)
        )
        await incident.stays(verifications.HEALTHY)


@workflow.defn
class MistakenReplay(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        raise workflow.NondeterminismError("this is another history")


class Mistaken(Incident):
    """Cannot say what it knows, nor whether it is well."""

    def situation(self, why: str) -> str:
        raise AttributeError(why)

    async def proved(self) -> bool:
        raise TypeError("whether it is well")


@workflow.defn
class MistakenBeside(Runbook):
    @workflow.init
    def __init__(self, opened: Opened) -> None:
        self.incident = Mistaken(opened.alert, opened.so_far)

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        incident.hand_over("a person goes on")


MISTAKEN = (MistakenPage, MistakenMidway, MistakenRevert, MistakenReplay, MistakenBeside)
