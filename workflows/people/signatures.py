"""Whose word a message is: that of the person whom a signature names, and nobody's otherwise.

Whatever a message says of itself is a claim, and is quoted as one. A signature that does not hold is not
forgiven: what it stands under does not count at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.people.signatures import SignatureActivities, Standing, Verified
    from models.incident.incident import Decision, Spoken, Through
    from models.incident.policy import ApprovalPolicy
    from models.incident.so_far import HeardSoFar
    from models.people.link import SignedLink
    from models.people.signature import Signature, Statement
    from workflows.record.continuation import began_in
    from workflows.record.failures import in_short

MOST_KEPT = 1000
"""Nonces of one incident that are remembered; what was signed before those that are not is refused."""

S = TypeVar("S", bound=Spoken)


@dataclass(frozen=True)
class Heard(Generic[S]):
    """A message as it may be believed, and why it does not count, where that is so."""

    words: S
    refusal: str = ""


class Signatures:
    """Judges the messages of one incident; no signature counts twice."""

    def __init__(self) -> None:
        self._used: dict[str, datetime] = {}
        self._forgotten_until: datetime | None = None

    def so_far(self) -> HeardSoFar:
        return HeardSoFar(used=self._used, forgotten_until=self._forgotten_until)

    def resume(self, so_far: HeardSoFar) -> None:
        """Know what was used in the runs before this one."""
        self._used, self._forgotten_until = dict(so_far.used), so_far.forgotten_until

    async def hear(self, words: S, message: str, policy: ApprovalPolicy) -> Heard[S]:
        """The message as that of its person; as a raw one, where nobody vouches for it."""
        if words.signature is None:
            return Heard(raw(words))
        signature = words.signature
        if refusal := self._refused(words, signature):
            return Heard(raw(words), refusal)
        verified = await _verified(statement(words, message))
        if verified.standing is Standing.UNKNOWN and not isinstance(words, Decision):
            return Heard(raw(words, verified.why))
        refusal = verified.why or self._refused(words, signature)
        if refusal:
            return Heard(raw(words), refusal)
        self._use(signature)
        if words.through is Through.COMMAND and not policy.trusts(signature.host, here=verified.here):
            return Heard(raw(words, f"approvals does not trust the machine {signature.host[:80]}"))
        return Heard(words.model_copy(update={"claim": ""}))

    async def use_up(self, link: SignedLink) -> str:
        """Take a link as used; why it is not good, where it is not."""
        said = link.statement(workflow.info().workflow_id)
        if refusal := self._outworn(said.signature):
            return refusal
        verified = await _verified(said)
        if refusal := verified.why or self._outworn(said.signature):
            return refusal
        self._use(said.signature)
        return ""

    def used(self, nonce: str) -> bool:
        return nonce in self._used

    def _refused(self, words: Spoken, signature: Signature) -> str:
        if refusal := self._outworn(signature):
            return refusal
        return "a signed decision names its plan" if isinstance(words, Decision) and not words.plan else ""

    def _outworn(self, signature: Signature) -> str:
        if signature.run != began_in():
            return "it was signed for another incident"
        forgotten = self._forgotten_until and signature.at <= self._forgotten_until
        if forgotten or signature.nonce in self._used:
            return "its signature was used already"
        return ""

    def _use(self, signature: Signature) -> None:
        self._used[signature.nonce] = signature.at
        if len(self._used) > MOST_KEPT:
            oldest = min(self._used, key=lambda nonce: self._used[nonce])
            self._forgotten_until = self._used.pop(oldest)


def statement(words: Spoken, message: str) -> Statement:
    """What its signature must be of, if it is of this message to this incident."""
    assert words.signature is not None, "what is not signed is raw"  # noqa: S101
    return words.statement(workflow.info().workflow_id, message, words.signature)


def raw(words: S, why: str = "") -> S:
    """The same of nobody, with what it claims."""
    return words.model_copy(
        update={
            "by": "", "says_to_be": "", "through": Through.TEMPORAL_UI, "signature": None,
            "claim": _claim(words, why),
        }
    )  # fmt: skip


def _claim(words: Spoken, why: str) -> str:
    """In quotes what a message says of itself; nothing, when it says nothing."""
    named = f" to be “{words.signed_as[:80]}”" if words.signed_as else ""
    through = f" to come through {words.through}" if words.through is not Through.TEMPORAL_UI else ""
    claims = f"claims{named}{' and' if named and through else ''}{through}" if named or through else ""
    return "; ".join(filter(None, (claims, why)))


async def _verified(said: Statement) -> Verified:
    try:
        verified: Verified = await workflow.execute_local_activity_method(
            SignatureActivities.verify_signature,
            said,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="whose word it is",
        )
    except ActivityError as error:
        return Verified(standing=Standing.UNKNOWN, why=f"it could not be verified: {in_short(error)}")
    return verified
