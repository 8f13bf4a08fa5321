"""An observed stack between two scenarios: all that is around the backend is well, and Prometheus says so."""

from __future__ import annotations

from demo.observed import RATIO
from demo.parts.waiting import until
from demo.systems.compose import ComposedServices
from demo.systems.services import BACKEND
from demo.systems.surroundings import Surroundings
from tests.parts.product.pipeline import Pipeline

FEW = 0.01


def around(pipeline: Pipeline) -> Surroundings:
    """What is around the backend of this stack."""
    assert pipeline.stack.services.surroundings is not None
    return pipeline.stack.services.surroundings


async def begin_anew(pipeline: Pipeline) -> None:
    """A new backend without what the last one kept in its memory; whatever was stopped runs again."""
    services = pipeline.stack.services
    await services.stop_service(BACKEND)
    services.backend.degraded.unlink(missing_ok=True)
    services.backend.closed.unlink(missing_ok=True)
    await around(pipeline).sentry.kill()  # it forgets the errors of before
    await around(pipeline).start()


async def until_calm(pipeline: Pipeline) -> None:
    """Wait for few errors, and for a steward that knows the version that runs."""
    await _tell_the_version(pipeline)

    async def too_many() -> str:
        ratio = await around(pipeline).prometheus.value(RATIO)
        return "" if ratio is not None and ratio < FEW else f"the ratio is {ratio}"

    await until("few errors", too_many, within=40)


async def _tell_the_version(pipeline: Pipeline) -> None:
    """A worker tells a version once; one that is started anew tells it again."""
    stack = pipeline.stack
    if isinstance(stack.services, ComposedServices):
        await stack.worker.stop()
        await stack.worker.start()
    await stack.until_version_known()
