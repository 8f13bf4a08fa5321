"""Whose word an order is: what a person orders of the control room, and what is told to a steward.

It is judged as the words that an incident hears: of whom its signature names, or raw; and a raw one does
not count where the configuration refuses raw messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.people.signatures import OrderToVerify, SignatureActivities, Standing, VerifiedOrder
    from models.incident.incident import Through
    from models.incident.order import MOST_NOT_TAKEN, NotTaken, OrderSaid, Used
    from models.people.signature import Signature
    from workflows.people.signatures import raw
    from workflows.record.failures import in_short
    from workflows.record.timeline import who

REFUSES_RAW = (
    "the configuration refuses what nobody signed: use the command line, where there is a signing key"
)
MOST_KEPT = 200
"""Nonces of one workflow that are remembered; what was signed before those that are not is refused."""
JUDGED = "orders are judged"
"""The patch from which on a run judges what it is told."""


@dataclass(frozen=True)
class Judged:
    """Whose an order is, and why it does not count, where that is so."""

    by: str
    refusal: str = ""

    def not_taken(self, what: str, key: str) -> NotTaken:
        return NotTaken(key=key, at=workflow.now(), what=what[:200], by=self.by[:300], why=self.refusal[:300])


class Orders:
    """Judges the orders of one workflow; no signature counts twice."""

    def __init__(self, used: Used) -> None:
        self._used = used
        self._unjudged = 0
        self._judges = False
        self.in_turn = asyncio.Lock()
        """Held while one is judged and taken: the later one holds."""

    @property
    def used(self) -> Used:
        return self._used

    def judges(self) -> bool:
        """Whether the order that came now is judged; one in a history of before is taken as it was then.

        A run of before begins to judge with the first order after it, and not only with its next run: so
        each order of it asks under a name of its own, since the answer to one name is kept.
        """
        if not self._judges:
            self._judges = workflow.patched(f"{JUDGED} {self._unjudged}")
            self._unjudged += 1
        return self._judges

    async def judge(self, words: OrderSaid, message: str, *, of_machine: bool = False) -> Judged:
        """`of_machine`: who has the key is heard on whatever machine, which is then named."""
        signature = words.signature
        refusal = self._outworn(signature) if signature else ""
        if refusal or signature is None:
            verified = await _verified(OrderToVerify())
            return _raw(words, verified, refusal=refusal)
        statement = words.statement(workflow.info().workflow_id, message, signature)
        verified = await _verified(OrderToVerify(statement=statement))
        if verified.standing is not Standing.HOLDS:
            return _raw(words, verified, refusal=verified.why if verified.standing is Standing.BROKEN else "")
        self._use(signature)
        if words.through is not Through.COMMAND or verified.trusted:
            return Judged(who(words))
        if of_machine:
            return Judged(f"{who(words)} on {signature.host[:80]}")
        return _raw(words, verified, f"approvals does not trust the machine {signature.host[:80]}")

    def _outworn(self, signature: Signature) -> str:
        here = workflow.info()
        if signature.run not in (here.first_execution_run_id, here.run_id):
            return "it was signed for another run"
        until = self._used.forgotten_until
        if (until and signature.at <= until) or signature.nonce in self._used.nonces:
            return "its signature was used already"
        return ""

    def _use(self, signature: Signature) -> None:
        nonces = {**self._used.nonces, signature.nonce: signature.at}
        until = self._used.forgotten_until
        if len(nonces) > MOST_KEPT:
            until = nonces.pop(min(nonces, key=lambda nonce: nonces[nonce]))
        self._used = Used(nonces=nonces, forgotten_until=until)


def kept(before: Iterable[NotTaken], new: NotTaken) -> tuple[NotTaken, ...]:
    """With a new one, of which the log tells as well."""
    workflow.logger.warning("%s did not count: %s", new.what, new.why, extra={"by": new.by})
    return (*before, new)[-MOST_NOT_TAKEN:]


def _raw(words: OrderSaid, verified: VerifiedOrder, why: str = "", *, refusal: str = "") -> Judged:
    """As nobody's, with what it claims to be."""
    said = raw(words, "" if refusal else why or verified.why)
    by = f"{who(said)}, {said.claim}" if said.claim else who(said)
    return Judged(by, refusal or ("" if verified.raw_counts else REFUSES_RAW))


async def _verified(order: OrderToVerify) -> VerifiedOrder:
    try:
        verified: VerifiedOrder = await workflow.execute_local_activity_method(
            SignatureActivities.verify_order,
            order,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="whose order it is",
        )
    except ActivityError as error:
        why = f"it could not be verified: {in_short(error)}"
        return VerifiedOrder(standing=Standing.BROKEN, why=why, raw_counts=False)
    return verified
