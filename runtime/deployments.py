"""Records which version of each service runs, since when, and when it was last healthy.

The worker tells the steward of each service which version it sees running, and when it sees that
version healthy; a pipeline may tell it too, with `starter.py deployed`. The steward remembers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.health.probe import HealthActivities
from activities.managers.process_seen import ProcessSeen
from activities.service.processes import ProcessActivities
from activities.support.secrets import SecretMissing
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.incident.order import DeploymentTold, OrderSaid
from models.service.service import Service
from runtime.people.orders import WORKER, send, to_steward
from runtime.people.signing import Signer

EVERY = timedelta(seconds=15)

logger = structlog.get_logger(__name__)


async def tell_steward(
    client: Client, deployment: DeploymentTold, said: OrderSaid, signer: Signer | None
) -> DeploymentTold:
    """Record a version with the steward of the service; starts the steward if it never ran.

    Raises SecretMissing where it must be signed and cannot be, and RPCError.
    """
    return await send(client, to_steward(deployment.service), deployment, said, signer)


class DeploymentWatch:
    """Checks the version of each service every 15 s, and tells its steward what changed."""

    def __init__(
        self,
        client: Client,
        processes: ProcessActivities,
        health: HealthActivities,
        signer: Signer,
        every: timedelta = EVERY,
    ) -> None:
        self._client = client
        self._signer = signer
        self._processes = processes
        self._health = health
        self._every = every
        self._told: dict[str, Deployment] = {}

    async def run(self, configuration: Callable[[], Configuration], host: str | None) -> None:
        """Check until cancelled; what cannot be reached is tried again next time."""
        while True:
            try:
                services = [one for one in configuration().services.values() if one.host == host]
            except Exception:
                logger.exception("could not read which services there are")
                services = []
            for service in services:
                await self._look_safely(service)
            await asyncio.sleep(self._every.total_seconds())

    async def _look_safely(self, service: Service) -> None:
        """An error at one service is logged, and the next is checked."""
        try:
            await self.look(service)
        except (RPCError, SecretMissing) as error:
            logger.warning("could not record a deployment", service=service.name, why=str(error))
        except Exception:
            logger.exception("could not check the version", service=service.name)

    async def look(self, service: Service) -> None:
        """Check one service; tell its steward only what changed."""
        seen = await asyncio.to_thread(self._processes.look_at_process, service)
        if not seen.running or not seen.image:
            return
        known = self._told.get(service.name)
        healthy = (await self._health.probe_health(service)).ok
        deployment = _deployment(service, seen, known, healthy=healthy)
        if deployment != known:
            told = DeploymentTold.model_validate(dict(deployment))
            await tell_steward(self._client, told, WORKER, self._signer)
            self._told[service.name] = deployment


def _deployment(
    service: Service, seen: ProcessSeen, known: Deployment | None, *, healthy: bool
) -> Deployment:
    now = datetime.now(UTC)
    if known is None or not known.is_version(seen.version):
        known = Deployment(
            service=service.name,
            version=seen.image,
            image_id=seen.image_id,
            deployed_at=seen.started_at or now,
            recorded_by=WORKER.by,
            current=True,
        )
    first_healthy = known.healthy_at or (now if healthy else None)
    return known.model_copy(update={"healthy_at": first_healthy})
