"""Checks what a service depends on, each dependency by its own check, all at the same time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pydantic import Field
from temporalio import activity

from activities.health.probe import HealthActivities
from activities.postgres.check import PostgresActivities
from activities.postgres.database_seen import DatabaseSeen
from activities.service.processes import ProcessActivities
from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.service.service import Service


class DependencySeen(Model):
    service: str
    finding: Finding
    reason: str
    is_database: bool = False
    recovering: bool = False
    """A database that says that it comes back by itself."""


class DependenciesSeen(Evidence):
    """Each service that this one depends on, by its own check."""

    services: tuple[DependencySeen, ...] = ()

    @property
    def broken(self) -> tuple[DependencySeen, ...]:
        return tuple(seen for seen in self.services if seen.finding is Finding.BAD)

    @property
    def lost_database(self) -> DependencySeen | None:
        return next((seen for seen in self.broken if seen.is_database), None)


class LookAtDependencies(Model):
    """The services to look at, each by its own check."""

    services: tuple[Service, ...] = Field(min_length=1)

    @property
    def runs_at(self) -> Service:
        """All are asked from one place: the host of the nearest."""
        return self.services[0]


class DependencyActivities:
    """Looks at services through the checks that they are looked at with in their own incidents."""

    def __init__(
        self, health: HealthActivities, processes: ProcessActivities, postgres: PostgresActivities
    ) -> None:
        self._health = health
        self._processes = processes
        self._postgres = postgres

    @activity.defn
    async def look_at_dependencies(self, request: LookAtDependencies) -> DependenciesSeen:
        """A database is asked `SELECT 1`, a service with a health check is probed, any other must run."""
        seen = tuple(await asyncio.gather(*(self._look(service) for service in request.services)))
        finding, reason = _together(seen)
        return DependenciesSeen(finding=finding, reason=reason, observed_at=datetime.now(UTC), services=seen)

    async def _look(self, service: Service) -> DependencySeen:
        seen = await self._check(service)
        return DependencySeen(
            service=service.name,
            finding=seen.finding,
            reason=seen.reason,
            is_database=service.is_database,
            recovering=isinstance(seen, DatabaseSeen) and seen.recovering,
        )

    async def _check(self, service: Service) -> Evidence:
        if service.database:
            return await self._postgres.check_database(service)
        if service.health:
            return await self._health.probe_health(service)
        return await asyncio.to_thread(self._processes.look_at_process, service)


def _together(seen: tuple[DependencySeen, ...]) -> tuple[Finding, str]:
    """The worst finding, and the sentence of each dependency that has it."""
    for finding in (Finding.BAD, Finding.UNKNOWN):
        worst = [f"{one.service}: {one.reason}" for one in seen if one.finding is finding]
        if worst:
            return finding, "; ".join(worst)
    return Finding.OK, "all healthy: " + ", ".join(one.service for one in seen)
