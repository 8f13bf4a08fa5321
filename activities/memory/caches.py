"""Empties the caches of the running application, by the call of the configuration."""

from __future__ import annotations

from temporalio import activity

from activities.app.switches import Switches, final
from models.actions.change import ActionResult, Perform
from models.actions.memory import ClearCache


class CacheActivities:
    """Calls the application."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    @activity.defn
    async def clear_cache(self, request: Perform[ClearCache]) -> ActionResult:
        """Done when the application answers 2xx. Safe to repeat: an empty cache stays empty."""
        call = request.action.service.clear_cache
        if call is None:
            raise final(f"no clear_cache is configured for {request.action.service.name}", "Unsupported")
        return await self._switches.throw(call, "the caches were cleared")
