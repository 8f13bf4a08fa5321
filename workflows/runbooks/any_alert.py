"""AnyAlert: whatever has no runbook of its own. Nothing is dropped."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook


@workflow.defn
class AnyAlert(Runbook):
    """Announce it, gather the service's evidence, and climb the ladder; change nothing."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        now = await incident.look(
            looks.health,
            looks.process,
            looks.recent_logs,
            looks.host,
            looks.database,
            looks.dependencies,
            looks.errors,
            looks.history,
        )
        incident.hand_over(f"no runbook knows this alert; of its service: {now.trouble}")
