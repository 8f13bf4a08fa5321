"""The state of a service's container or process."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity

from activities.managers import ManagerError, Managers, ServiceManager, Usage
from activities.managers.process_seen import ProcessSeen
from models.evidence.evidence import Finding
from models.service.service import Service


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
