"""An observed stack between two scenarios: all that is around the backend is well, and Prometheus says so."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio.service import RPCError

from activities.deployments import tell_steward
from demo.observed import RATIO
from demo.parts.compose import ComposedServices
from demo.parts.services import BACKEND, FIRST_VERSION
from demo.parts.surroundings import Surroundings
from demo.parts.waiting import until
from models.evidence import Deployment
from models.names import STEWARD_STATE, steward_id
from models.stewardship import StewardState
from tests.parts.pipeline import Pipeline

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
    """As a pipeline does; a container's worker tells it once, and one that is started anew tells it again."""
    stack = pipeline.stack
    if not isinstance(stack.services, ComposedServices):
        deployed = Deployment(
            service=BACKEND, version=FIRST_VERSION, deployed_at=datetime.now(UTC), current=True
        )
        await tell_steward(pipeline.client, deployed)
        return
    await stack.worker.stop()
    await stack.worker.start()

    async def not_known() -> str:
        handle = pipeline.client.get_workflow_handle(steward_id(BACKEND))
        try:
            state: StewardState = await handle.query(STEWARD_STATE, result_type=StewardState)
        except RPCError as error:
            return error.message
        healthy = [one for one in state.deployments if one.current and one.healthy_at]
        return "" if healthy else f"it knows {state.deployments}"

    await until("the version known", not_known, within=20)
