"""The state of a service's container or process."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from temporalio import activity

from activities.managers import ManagerError, Managers, ServiceManager, Usage
from activities.managers.process_seen import OwnCheck, ProcessSeen
from activities.support.stability import Pace
from activities.support.watch import watch
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.service import HealthCheck, Service

EVERY = HealthCheck.model_fields["every"].default
USUAL_SETTLE = HealthCheck.model_fields["settle"].default


class ProcessActivities:
    """Asks the manager of a service how its process is."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def look_at_process(self, service: Service) -> ProcessSeen:
        """State, how the last run ended, memory and CPU. A manager that cannot be asked is `unknown`.

        Where no health check is configured, a container's own HEALTHCHECK is the service's word.
        """
        manager = self._managers.of(service)
        try:
            seen = manager.examine()
        except ManagerError as error:
            return ProcessSeen(finding=Finding.UNKNOWN, reason=str(error), observed_at=datetime.now(UTC))
        if seen.unhealthy and service.health is None:
            seen = seen.model_copy(update={"finding": Finding.BAD})
        if not seen.running:
            return seen
        usage = _usage(manager)
        numbers = {"memory_used": usage.memory_used, "cpu_share": usage.cpu_share}
        if service.scale.max_replicas > 1:
            numbers["replicas"] = _replicas(manager)
        return seen.model_copy(update=numbers)

    @activity.defn
    async def watch_process(self, request: VerificationRequest) -> VerificationResult:
        """Watch that it keeps running, and that its own HEALTHCHECK finds it well where it has one.

        For a service without a health check of ours; see `HealthActivities.watch_health`.
        """
        pace = Pace(
            every=EVERY, settle=USUAL_SETTLE, stable_for=request.stable_for, well="up by its manager's word"
        )
        return await watch(lambda: asyncio.to_thread(self._sample, request.service), pace)

    def _sample(self, service: Service) -> ProcessSeen:
        try:
            seen = self._managers.of(service).state()
        except ManagerError as error:
            return ProcessSeen(reason=str(error), observed_at=datetime.now(UTC))
        if seen.unhealthy:
            return seen.model_copy(update={"finding": Finding.BAD})
        starting = seen.running and seen.own_check is OwnCheck.STARTING
        return seen.model_copy(update={"finding": Finding.UNKNOWN}) if starting else seen


# The state is worth more than the numbers: without them it is still told.


def _usage(manager: ServiceManager) -> Usage:
    try:
        return manager.usage()
    except ManagerError:
        return Usage()


def _replicas(manager: ServiceManager) -> int:
    try:
        return max(1, manager.replicas())
    except ManagerError:
        return 1
