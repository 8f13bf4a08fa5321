"""An observed stack between two scenarios: as it was at first, and Prometheus says that all is well."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from demo.observed import P95, RATIO, SLOW
from demo.parts.waiting import until
from demo.systems.compose import ComposedServices
from demo.systems.postgres import CUT_OFF
from demo.systems.services import BACKEND, FIRST_VERSION, POSTGRES, Services
from demo.systems.surroundings import Surroundings
from models.incident.incident import Through
from models.incident.order import DeploymentTold, OrderSaid
from runtime.deployments import tell_steward
from tests.parts.product.pipeline import Pipeline
from tests.parts.product.signing import signer_of

FEW = 0.01


def around(pipeline: Pipeline) -> Surroundings:
    """What is around the backend of this stack."""
    assert pipeline.stack.services.surroundings is not None
    return pipeline.stack.services.surroundings


async def begin_anew(pipeline: Pipeline) -> None:
    """What the scenario before spent, made, failed or slowed down does not count to the next one.

    The backend has no memory, no data but its first, and no switch that is thrown. Sentry and Prometheus
    know of nothing yet. Whatever was stopped runs again.
    """
    services, its = pipeline.stack.services, around(pipeline)
    await services.stop_service(BACKEND)
    _forget_switches(services.backend.state, its.shop_state, its.provider_slow)
    await _forget_data(services)
    await its.sentry.kill()
    await its.prometheus.forget()
    await its.start()


def _forget_switches(backend: Path, *others: Path) -> None:
    """Everything that outlives a restart."""
    for file in (*backend.iterdir(), *others):
        if file.is_file():
            file.unlink()


async def _forget_data(services: Services) -> None:
    """The backend fills its tables when it starts and finds none."""
    await services.start_service(POSTGRES)
    await until("postgres ready", services.cluster.answers)
    async with services.cluster.superuser() as session:
        await session.execute(CUT_OFF, services.cluster.user)
        await session.execute(f"SET lock_timeout = '10s'; DROP OWNED BY {services.cluster.user}")


async def until_calm(pipeline: Pipeline) -> None:
    """Wait for few errors and fast answers, and for a steward that knows the version that runs."""
    await _tell_the_version(pipeline)
    prometheus = around(pipeline).prometheus

    async def not_calm() -> str:
        ratio, p95 = await prometheus.value(RATIO), await prometheus.value(P95)
        calm = ratio is not None and ratio < FEW and p95 is not None and p95 < SLOW
        return "" if calm else f"the ratio is {ratio}, p95 is {p95}"

    await until("few errors and fast answers", not_calm)


async def _tell_the_version(pipeline: Pipeline) -> None:
    """As `starter.py deployed` does; a worker that is started anew tells the version of an image itself."""
    stack = pipeline.stack
    if isinstance(stack.services, ComposedServices):
        await stack.worker.stop()
        await stack.worker.start()
        await stack.until_version_known()
        return
    now = datetime.now(UTC)
    first = DeploymentTold(service=BACKEND, version=FIRST_VERSION, deployed_at=now, current=True)
    said = OrderSaid(by="pipeline", through=Through.INTAKE)
    await tell_steward(pipeline.client, first, said, signer_of(stack))
