"""The control room as everybody reads it, and the incidents that must hear that it has changed.

Its state is in the memo of its run: the server answers by itself, however busy the workers are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.incidents.addresses import addresses_of
from activities.support.heartbeats import beating
from models.base import Model
from models.configuration.configuration import Configuration
from models.incident.announcement import Addresses
from models.incident.search_attributes import ALERT_NAME, SERVICE
from models.incident.stewardship import ControlRoomState
from models.messages import CONTROL_ROOM_CHANGED, CONTROL_ROOM_MEMO, STATE
from models.names import CONTROL_ROOM_ID

RPC_TIMEOUT = timedelta(seconds=5)


class Concerned(Model):
    """The open incidents of a service, of an alert, or all."""

    service: str | None = None
    alert: str | None = None


class Broadcast(Model):
    """The channels that hear of what concerns everybody."""

    channels: tuple[str, ...] = ()
    addresses: Addresses = Addresses()


async def read_control_room(client: Client) -> ControlRoomState:
    """The kill switch and the windows as of now; nothing is on when nobody ever used it. Raises RPCError.

    A run that has not taken yet what it was told is asked itself, which a worker must answer.
    """
    room = client.get_workflow_handle(CONTROL_ROOM_ID)
    try:
        seen = await room.describe(rpc_timeout=RPC_TIMEOUT)
        state: ControlRoomState | None = await seen.memo_value(
            CONTROL_ROOM_MEMO, None, type_hint=ControlRoomState
        )
        if state is None or seen.raw_description.HasField("pending_workflow_task"):
            state = await room.query(STATE, result_type=ControlRoomState, rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ControlRoomState()
        raise
    return state


class ControlRoomActivities:
    """What the control room needs of the outside."""

    def __init__(self, client: Client, configuration: Callable[[], Configuration]) -> None:
        self._client = client
        self._configuration = configuration

    @activity.defn
    async def tell_incidents(self, concerned: Concerned) -> int:
        """Signal each open incident that is concerned; how many. A list may lag some seconds behind."""
        told = 0
        async with beating():
            async for name in self._open(concerned):
                run = self._client.get_workflow_handle(name)
                try:
                    await run.signal(CONTROL_ROOM_CHANGED, rpc_timeout=RPC_TIMEOUT)
                    told += 1
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:
                        raise
        return told

    async def _open(self, concerned: Concerned) -> AsyncIterator[str]:
        query = f"{ALERT_NAME.name} IS NOT NULL AND ExecutionStatus = 'Running'"
        for key, value in ((SERVICE, concerned.service), (ALERT_NAME, concerned.alert)):
            if value is not None:
                query += f" AND {key.name} = '{value}'"
        async for one in self._client.list_workflows(query):
            yield one.id

    @activity.defn
    def broadcast(self) -> Broadcast:
        """Whom to tell, as the configuration says now. Runs in a thread, because it may read the file."""
        now = self._configuration()
        return Broadcast(channels=now.broadcast, addresses=addresses_of(now))
