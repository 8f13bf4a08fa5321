"""The policy of one check: what `runbooks.yaml` says about it, as of now."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import activity

from models.checks.check import CheckPolicy, CheckRequest
from models.configuration.configuration import Configuration


class CheckPolicyActivities:
    """Builds policies of checks from the current configuration."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration

    @activity.defn
    def take_check_policy(self, request: CheckRequest) -> CheckPolicy:
        """Services, addresses and settings. A check that runs keeps them, whatever is edited meanwhile."""
        now = self._configuration()
        return CheckPolicy(
            checks=now.checks,
            systems=now.systems,
            services=tuple(now.services.values()),
            time_zone=now.checks.time_zone or now.time_zone,
            temporal_ui=now.temporal.ui,
            channels=now.checks.tell or now.broadcast,
        )
