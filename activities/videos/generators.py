"""Which generator makes the videos: the usual provider, or the one that stands in for it."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity

from activities.app.switches import Switches, final
from models.actions.change import ActionResult, Perform
from models.actions.videos import UseBackupGenerator, UseUsualGenerator, WaitForReset
from models.service.videos import BackupGenerator


class GeneratorActivities:
    """Throws the two switches of the configuration."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    @activity.defn
    async def use_backup_generator(self, request: Perform[UseBackupGenerator]) -> ActionResult:
        """Done when the switch answers 2xx. Safe to repeat."""
        backup = _configured(request.action)
        return await self._switches.throw(backup.on, f"{backup.name} was switched on")

    @activity.defn
    async def use_usual_generator(self, request: Perform[UseUsualGenerator]) -> ActionResult:
        """Done when the switch answers 2xx. Safe to repeat."""
        backup = _configured(request.action)
        return await self._switches.throw(backup.off, f"{backup.name} was switched off")

    @activity.defn
    async def wait_for_reset(self, request: Perform[WaitForReset]) -> ActionResult:
        """Changes nothing: the incident waits, and not this activity."""
        found = f"it is waited until {request.action.until:%Y-%m-%d %H:%M} UTC"
        return ActionResult(done=True, found=found, at=datetime.now(UTC))


def _configured(action: UseBackupGenerator | UseUsualGenerator) -> BackupGenerator:
    videos = action.service.videos
    if videos is None or videos.backup is None:
        raise final(f"no `videos.backup` is configured for {action.service.name}", "Unsupported")
    return videos.backup
