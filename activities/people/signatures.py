"""Verifies the signature of a person's word. Here, because no key may get into a history."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from temporalio import activity

from activities.people.keys import SigningKeys
from activities.support.secrets import SecretMissing
from models.base import Model, roughly
from models.people.signature import Statement, key_name

LATEST = {"approve": timedelta(minutes=5), "deny": timedelta(minutes=5)}
"""How old a decision may be: one that was kept back must not act later."""
LATEST_WORD = timedelta(days=1)
"""The same for what acts on nothing: it may have waited for a worker."""
AHEAD = timedelta(minutes=1)
"""How far the clock of who signed may be ahead."""


class Standing(StrEnum):
    """What a signature is worth."""

    HOLDS = "holds"
    UNKNOWN = "unknown"
    """It cannot be judged here: its key is not known."""
    BROKEN = "broken"
    """It is not of this message, or not of now."""


class Verified(Model):
    standing: Standing
    why: str = ""
    """Why it does not hold."""
    here: bool = False
    """Whether it was made on the machine of this worker."""


class OrderToVerify(Model):
    """What is ordered of the control room or of a steward; without a statement nobody signed it."""

    statement: Statement | None = None


class VerifiedOrder(Verified):
    raw_counts: bool
    """Whether the configuration takes what nobody vouches for."""
    trusted: bool = False
    """Whether a user of the machine on which it was signed is who its operating system says."""


class SignatureActivities:
    """Has the keys of the configuration in force."""

    def __init__(self, keys: SigningKeys, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._keys = keys
        self._now = now

    @activity.defn
    def verify_signature(self, statement: Statement) -> Verified:
        """Whether this statement was signed with a key of ours, lately. Runs in a thread: it reads files."""
        try:
            keys = {key_name(key): key for key in self._keys.all()}
        except SecretMissing as error:
            return Verified(standing=Standing.UNKNOWN, why=f"the worker has no key to verify it: {error}")
        key = keys.get(statement.signature.key)
        if key is None:
            why = f"the worker does not have the key {statement.signature.key} that it is signed with"
            return Verified(standing=Standing.UNKNOWN, why=f"{why}: see approvals.keys")
        if not statement.sealed_with(key):
            why = "its signature is of something else: another incident, plan, person, time or text"
            return Verified(standing=Standing.BROKEN, why=why)
        if why := self._untimely(statement):
            return Verified(standing=Standing.BROKEN, why=why)
        return Verified(standing=Standing.HOLDS, here=statement.signature.host == socket.gethostname())

    @activity.defn
    def verify_order(self, order: OrderToVerify) -> VerifiedOrder:
        """The same of what stands beside the incidents, by the configuration as it is now."""
        policy = self._keys.policy()
        if order.statement is None:
            return VerifiedOrder(standing=Standing.UNKNOWN, raw_counts=policy.temporal_ui)
        verified = self.verify_signature(order.statement)
        trusted = policy.trusts(order.statement.signature.host, here=verified.here)
        return VerifiedOrder(**dict(verified), raw_counts=policy.temporal_ui, trusted=trusted)

    def _untimely(self, statement: Statement) -> str:
        age, latest = self._now() - statement.signature.at, LATEST.get(statement.message, LATEST_WORD)
        if age > latest:
            late = f"it was signed {roughly(age)} ago by the worker's clock, more than {roughly(latest)}"
            return f"{late}: say it again, or set the clock of {statement.signature.host}"
        if age < -AHEAD:
            return f"it was signed {roughly(-age)} ahead of the worker's clock: set the clocks"
        return ""
