"""A deployment that is told to a steward is of whom its signature names; else it is raw, or refused."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from activities.incidents.stewardship import HistorySeen
from models.incident.incident import Through
from models.incident.order import DeploymentTold, OrderSaid
from models.messages import DEPLOYED
from runtime.people.orders import WORKER, send, to_steward
from tests.integration.people.orders import book, product, steward_of, version
from tests.integration.people.test_forgeries import Product, server
from tests.parts.product.signing import SIGNER
from workflows.record.timeline import RAW

__all__ = ["product", "server"]


async def told(product: Product, one: DeploymentTold, said: OrderSaid) -> None:
    await send(product.client, to_steward("backend"), one, said, SIGNER)
    await book(product, lambda state: any(known.version == one.version for known in state.deployments))


async def test_a_raw_deployment_is_no_version_to_go_back_to_where_raw_is_refused(product: Product) -> None:
    product.approvals(temporal_ui=False, trust_this_machine=False)
    await told(product, version(1), WORKER)
    await told(product, version(2), OrderSaid(by="ci", through=Through.COMMAND))
    before = await book(product, lambda state: True)
    assert [one.recorded_by for one in before.deployments] == ["worker", f"ci on {socket.gethostname()}"]
    claim = version(3).model_copy(update={"recorded_by": "worker"})
    await steward_of(product).signal(DEPLOYED, claim)
    state = await book(product, lambda state: bool(state.not_taken))
    assert state.deployments == before.deployments
    seen = HistorySeen.of(state, datetime.now(UTC))
    assert seen.last_healthy == before.deployments[0]
    assert "the deployment of backend:3 did not count" in seen.reason
    assert f"by {RAW}, claims to be “worker”" in seen.reason


async def test_a_raw_deployment_is_marked_where_raw_counts(product: Product) -> None:
    await steward_of(product).signal(DEPLOYED, version(1).model_copy(update={"recorded_by": "worker"}))
    state = await book(product, lambda state: bool(state.deployments))
    assert state.deployments[0].recorded_by == f"{RAW}, claims to be “worker”"


async def test_a_deployment_that_was_told_before_changes_nothing_when_it_is_told_again(
    product: Product,
) -> None:
    """Else a replayed old one would make the newer one a version that was left."""
    old = await send(product.client, to_steward("backend"), version(1), WORKER, SIGNER)
    await told(product, version(2), WORKER)
    await steward_of(product).signal(DEPLOYED, old)
    later = old.model_copy(update={"deployed_at": datetime.now(UTC)})
    await steward_of(product).signal(DEPLOYED, later)
    other = old.model_copy(update={"service": "frontend"})
    await steward_of(product).signal(DEPLOYED, other)
    state = await book(product, lambda state: len(state.not_taken) == 3)
    assert [one.current for one in state.deployments] == [False, True]
    assert {one.why for one in state.not_taken} == {"its signature was used already"}
