"""Switches the application's degraded mode on and off.

Degraded means cached answers, queued jobs, and 202 instead of 500 (docs/runbooks/high-error-rate.md).
"""

from __future__ import annotations

from temporalio import activity

from activities.app.switches import Switches, final
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import Degrade, RestoreService
from models.service.surroundings import Degradation


class DegradationActivities:
    """Throws the two switches of the configuration."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    @activity.defn
    async def degrade(self, request: Perform[Degrade]) -> ActionResult:
        """Throw the switch on: done when it answers 2xx. Safe to repeat."""
        return await self._switches.throw(_configured(request.action).on, "the degraded mode was switched on")

    @activity.defn
    async def restore_service(self, request: Perform[RestoreService]) -> ActionResult:
        """Throw the switch off: done when it answers 2xx. Safe to repeat."""
        return await self._switches.throw(
            _configured(request.action).off, "the degraded mode was switched off"
        )


def _configured(action: Degrade | RestoreService) -> Degradation:
    degradation = action.service.degradation
    if degradation is None:
        raise final(f"no degradation is configured for {action.service.name}", "Unsupported")
    return degradation
