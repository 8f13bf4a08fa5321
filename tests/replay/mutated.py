"""ServiceDown as somebody might change it without a thought for the runs that are open."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis import looks
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.runbooks.service_down import ServiceDown as Original


@workflow.defn
class ServiceDown(Runbook):
    """The same page with a first look that the recorded runs did not take."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(looks.errors)
        await Original.page(self, incident)  # type: ignore[arg-type]
