"""Words of people as the intake signs them, with a key of the tests."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from temporalio.client import WorkflowHandle

from demo.stack import Stack
from models.configuration.configuration import Configuration
from models.incident.incident import Decided, Decision, IncidentState, Spoken, Through, Verdict
from models.messages import BEGAN_IN
from runtime import settings
from runtime.people.signing import Signer
from tests.parts.product.intake import SIGNING_KEY

VARIABLE = "RUNBOOKS_TEST_SIGNING_KEY"
os.environ.setdefault(VARIABLE, SIGNING_KEY)
APPROVALS = {"keys": [{"env": VARIABLE}]}
SIGNER = Signer(lambda: Configuration.model_validate({"approvals": APPROVALS}))

Incident = WorkflowHandle[Any, Any]
S = TypeVar("S", bound=Spoken)


def by(name: str, plan: str = "", verdict: Verdict = Verdict.APPROVE) -> Decision:
    return Decision(by=name, through=Through.INTAKE, plan=plan, verdict=verdict)


async def signed(handle: Incident, words: S, message: str, signer: Signer = SIGNER) -> S:
    """The words under a signature for this incident."""
    found = await handle.describe()
    run = await found.memo_value(BEGAN_IN, found.run_id, type_hint=str)
    return signer.signed(words, message, handle.id, run)


async def signed_decision(handle: Incident, decision: Decision) -> Decision:
    """The same of a decision, on the pending plan when it names none."""
    if not decision.plan:
        state = await handle.query("state", result_type=IncidentState)
        plan = state.awaiting.digest if state.awaiting else "0" * 12
        decision = decision.model_copy(update={"plan": plan})
    return await signed(handle, decision, decision.verdict)


def signer_of(stack: Stack) -> Signer:
    """Signs with the key that the stack's own worker made."""
    return Signer(lambda: settings.load(stack.config))


async def decide(handle: Incident, decision: Decision) -> Decided:
    """Decide as the intake does, for an authenticated person."""
    decision = await signed_decision(handle, decision)
    decided: Decided = await handle.execute_update("decide", decision, result_type=Decided)
    return decided


async def tell(handle: Incident, message: str, words: Spoken, signer: Signer = SIGNER) -> None:
    """Send the words of a person as the intake does."""
    await handle.signal(message, await signed(handle, words, message, signer))
