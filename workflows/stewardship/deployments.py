"""What a steward is told of deployments: whose word each is, and what was not read."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.order import DeploymentTold, NotTaken
    from models.messages import DEPLOYED
    from workflows.people.orders import Orders, kept
    from workflows.record.raw_input import read
    from workflows.record.timeline import RAW
    from workflows.record.too_many import TooMany
    from workflows.stewardship.ledger import Ledger


class Deployments:
    """Judges them one after another; beyond a bound they are only counted."""

    def __init__(self, ledger: Ledger, orders: Orders) -> None:
        self._ledger = ledger
        self._orders = orders
        self._unjudged = 0
        self._too_many = TooMany(self._not_read)

    async def hear(self, deployment: object) -> None:
        """Remember it where its word counts. What cannot be read is dropped."""
        if await self._too_many.beyond(DEPLOYED, self._unjudged):
            return
        told = read(DeploymentTold, deployment)
        if told is None:
            return
        self._unjudged += 1
        try:
            await self._judge(told)
        finally:
            self._unjudged -= 1

    async def _judge(self, told: DeploymentTold) -> None:
        if not self._orders.judges():
            self._ledger.deployed(told.recorded(told.recorded_by))
            return
        async with self._orders.in_turn:
            judged = await self._orders.judge(told.words(told.recorded_by), DEPLOYED, of_machine=True)
            if judged.refusal:
                new = judged.not_taken(f"the deployment of {told.version}", told.digest)
                self._ledger.not_taken = kept(self._ledger.not_taken, new)
            else:
                self._ledger.deployed(told.recorded(judged.by))

    def _not_read(self, why: str) -> None:
        new = NotTaken(key="", at=workflow.now(), what="a crowd of deployments", by=RAW, why=why)
        self._ledger.not_taken = kept(self._ledger.not_taken, new)
