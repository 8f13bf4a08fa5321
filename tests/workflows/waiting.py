"""Runbooks that wait, each in another way, with the service healed and released or held before."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis import looks, plans
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


async def confirmed(incident: Incident) -> None:
    await incident.look(looks.health, looks.process)
    await incident.confirm(looks.health)


def is_healthy(now: Situation) -> bool:
    return now[looks.health].ok


@workflow.defn
class WaitsTwice(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.wait(timedelta(hours=1), "the provider asks for it")
        incident.timeline.add("looks again")
        await incident.look(looks.health)
        await incident.wait(timedelta(hours=2), "the provider asks for it")


@workflow.defn
class WaitsForMidnight(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.wait_until_midnight("the budget is reset then")


@workflow.defn
class AsksAPerson(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.until_person("renew the credentials of amazon", "database")
        await incident.carry_out(plans.start)


@workflow.defn
class Reports(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.until_acknowledged("revenue falls")


@workflow.defn
class LooksNowAndThen(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        why = "it should be back within the day"
        watched = await incident.until(
            looks.health, is_healthy, every=timedelta(minutes=10), at_most=timedelta(days=1), why=why
        )
        incident.timeline.add(f"watched: {watched.now[looks.health].reason}")
        if not watched.well:
            incident.hand_over("it did not come back")


@workflow.defn
class FixesAndWaits(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.carry_out(plans.start)
        await incident.wait(timedelta(hours=1), "it takes effect slowly")


@workflow.defn
class FixesAndHolds(Runbook):
    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.carry_out(plans.start)
        await incident.wait(timedelta(hours=1), "nobody else may touch it", held=True)


@workflow.defn
class WaitsAMoment(Runbook):
    """Not for long: nothing is planned that anybody must be told of."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        await incident.wait(timedelta(minutes=9), "it connects anew by itself")


@workflow.defn
class ChangedMeanwhile(Runbook):
    """Its next run has other code, which leaves the page before the wait."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        if workflow.info().continued_run_id:
            incident.hand_over("a person must see it")
        await incident.wait(timedelta(hours=1), "the provider asks for it")


@workflow.defn
class AsksASpecialist(Runbook):
    """Its cause has a specialist, and the fix a risk that asks."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await confirmed(incident)
        incident.escalation.page_specialist("database", "database lost")
        await incident.carry_out(plans.start, asks=True)


WAITING = (
    WaitsTwice,
    WaitsForMidnight,
    AsksAPerson,
    Reports,
    LooksNowAndThen,
    FixesAndWaits,
    FixesAndHolds,
)
