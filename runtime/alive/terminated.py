"""Incidents that somebody terminated: nothing runs in them that could release, or tell anybody.

The worker notices: the steward of the service looks whether its holder still runs, and the control room
tells the broadcast channels, once for each run, however many workers find it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.support.secrets import SecretMissing
from models.incident.search_attributes import ALERT_NAME
from models.incident.stewardship import Ordered, Terminated
from models.messages import LOOK_AFTER_HOLDER
from models.names import TASK_QUEUE, steward_id
from runtime.connection import PATIENCE
from runtime.people.orders import TO_CONTROL_ROOM, WORKER, send
from runtime.people.signing import Signer
from runtime.stuck_runs import OpenRun, open_run

EVERY = timedelta(seconds=30)
LOOKED_BACK = timedelta(hours=1)
"""What was terminated longer ago, while no worker ran, is not told any more."""
MOST = 20

logger = structlog.get_logger(__name__)


class TerminatedWatch:
    """Looks for terminated incidents beside the work of a worker."""

    def __init__(self, client: Client, signer: Signer, every: timedelta = EVERY) -> None:
        self._client = client
        self._signer = signer
        self._every = every
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look for ever; what goes wrong is logged, and looked for again later."""
        while True:
            try:
                await self.look()
            except (RPCError, SecretMissing) as error:
                logger.warning("terminated incidents could not be looked for", why=str(error))
            except Exception:
                logger.exception("terminated incidents could not be looked for")
            await asyncio.sleep(self._every.total_seconds())

    async def look(self) -> None:
        """One look: what is new is released, and told."""
        since = (datetime.now(UTC) - LOOKED_BACK).isoformat()
        query = (
            f"ExecutionStatus = 'Terminated' AND TaskQueue = '{TASK_QUEUE}' "
            f"AND {ALERT_NAME.name} IS NOT NULL AND CloseTime > '{since}'"
        )
        found = self._client.list_workflows(query, limit=MOST, rpc_timeout=PATIENCE)
        for one in [open_run(seen) async for seen in found]:
            if one.run_id not in self._told:
                await self._release(one.service)
                await self._tell(one)
                self._told.add(one.run_id)

    async def _release(self, service: str) -> None:
        try:
            await self._client.get_workflow_handle(steward_id(service)).signal(
                LOOK_AFTER_HOLDER, rpc_timeout=PATIENCE
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _tell(self, one: OpenRun) -> None:
        logger.warning("an incident was terminated", incident=one.id, run_id=one.run_id)
        gone = Terminated(incident=one.id, run_id=one.run_id)
        ordered = Ordered(key=f"terminated {one.run_id}", terminated=gone)
        await send(self._client, TO_CONTROL_ROOM, ordered, WORKER, self._signer)
