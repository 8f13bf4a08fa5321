"""Sends an order to the control room or to a steward, under the signature of who orders it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NamedTuple, TypeVar

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from activities.support.secrets import SecretMissing
from models.base import Model
from models.incident.incident import Through
from models.incident.order import OrderSaid, SignedOrder
from models.incident.stewardship import ControlRoomState, StewardState
from models.messages import DEPLOYED, ORDER
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, STEWARD, TASK_QUEUE, steward_id
from runtime.people.signing import Signer

O = TypeVar("O", bound=SignedOrder)  # noqa: E741

WORKER = OrderSaid(by="worker", through=Through.PRODUCT)
"""Who tells what a worker sees."""

PATIENCE = timedelta(seconds=5)
"""For one answer of Temporal."""

logger = structlog.get_logger(__name__)


class To(NamedTuple):
    """A workflow that takes orders; it is started if it never ran."""

    workflow: str
    id: str
    state: Model
    message: str
    summary: str


TO_CONTROL_ROOM = To(
    CONTROL_ROOM, CONTROL_ROOM_ID, ControlRoomState(), ORDER, "suspend, resume, maintenance windows"
)


def to_steward(service: str) -> To:
    """Of a service, which hears of deployments."""
    begins = StewardState(service=service)
    return To(STEWARD, steward_id(service), begins, DEPLOYED, f"the one writer of {service}")


async def send(client: Client, to: To, order: O, said: OrderSaid, signer: Signer | None) -> O:
    """Durable once this returns; as it was sent. Without a key it goes out raw, where raw messages count.

    Raises SecretMissing elsewhere, and RPCError.
    """
    await client.start_workflow(
        to.workflow,
        to.state,
        id=to.id,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=to.summary,
        rpc_timeout=PATIENCE,
    )
    room = client.get_workflow_handle(to.id)
    if signer is not None:
        found = await room.describe(rpc_timeout=PATIENCE)
        run = found.raw_info.first_run_id or found.run_id  # a server of before 1.25 does not tell the first
        order = await asyncio.to_thread(_signed, signer, to, order, said, run)
    await room.signal(to.message, order, rpc_timeout=PATIENCE)
    return order


def _signed(signer: Signer, to: To, order: O, said: OrderSaid, run: str) -> O:
    order = type(order).model_validate(order.model_dump(mode="json"))  # as who verifies it reads it
    words = said.model_copy(update={"order": order.digest})
    try:
        return order.under(signer.signed(words, to.message, to.id, run))
    except SecretMissing as error:
        if signer.raw_counts:
            logger.warning("there is no key to sign it with, so it is raw", to=to.id, reason=str(error))
            return order
        raise SecretMissing(f"there is no key to sign it with: {error}; see approvals.keys") from error
