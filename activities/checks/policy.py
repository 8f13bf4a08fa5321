"""The policy of one check: what `runbooks.yaml` says about it, as of now."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import activity

from models.checks.check import CheckPolicy, CheckRequest
from models.checks.status import StatusRequest
from models.configuration.configuration import Configuration
from models.service.service import Service

SERVICES_LIMIT = 1_500_000
"""Bytes of all services as JSON. A payload may have 2 MB."""
MOST_SERVICES = 1_000
"""More would make a history that Temporal does not keep: each is looked at by several activities."""


class CheckPolicyActivities:
    """Builds policies of checks from the current configuration."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration

    @activity.defn
    def take_check_policy(self, request: CheckRequest) -> CheckPolicy:
        """Services, addresses and settings. A check that runs keeps them, whatever is edited meanwhile."""
        return self._policy()

    @activity.defn
    def take_status_policy(self, request: StatusRequest) -> CheckPolicy:
        """The same, for what a person asks for."""
        return self._policy()

    def _policy(self) -> CheckPolicy:
        now = self._configuration()
        services, left_out = _as_many_as_fit(tuple(now.services.values()))
        return CheckPolicy(
            checks=now.checks,
            systems=now.systems,
            services=services,
            left_out=left_out,
            service_labels=now.service_labels,
            time_zone=now.checks.time_zone or now.time_zone,
            temporal_ui=now.temporal.ui or "",
            channels=now.checks.tell or now.broadcast,
            dry_run=now.dry_run,
        )


def _as_many_as_fit(services: tuple[Service, ...]) -> tuple[tuple[Service, ...], tuple[str, ...]]:
    """Those for which there is room, and the names of the others."""
    room, fitting = SERVICES_LIMIT, list[Service]()
    for one in services[:MOST_SERVICES]:
        room -= len(one.model_dump_json(exclude_unset=True).encode())
        if room < 0:
            break
        fitting.append(one)
    return tuple(fitting), tuple(one.name for one in services[len(fitting) :])
