"""Proposes plans for an escalated incident, as the intake does for people and programs."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from models.catalogue.line import Became, ProposalLine
from models.incident.incident import IncidentState, Through, Verdict
from models.proposals.proposal import TAKEN_BEFORE, Proposal, Proposed
from tests.parts.product.signing import by, decide, signed
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident


def a_proposal(action: str = "restart-service", who: str = "ada", **more: Any) -> Proposal:
    return Proposal(**{"action": action, "by": who, "through": Through.INTAKE, **more})


def of_a_program(action: str = "restart-service", **more: Any) -> Proposal:
    return a_proposal(action, "copilot", **{"through": Through.PROGRAM, **more})


async def propose(handle: Incident, proposal: Proposal) -> Proposed:
    """The answer, also of then."""
    proposal = await signed(handle, proposal, "propose")
    try:
        proposed: Proposed = await handle.execute_update("propose", proposal, result_type=Proposed)
    except WorkflowUpdateFailedError as error:
        assert isinstance(error.cause, ApplicationError)
        if error.cause.type == TAKEN_BEFORE:
            return Proposed.model_validate(error.cause.details[0])
        raise
    return proposed


async def refused(handle: Incident, proposal: Proposal) -> str:
    """Why it is not taken; nothing of it stands in the history."""
    taken = await updates(handle)
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await propose(handle, proposal)
    assert await updates(handle) == taken
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause.message


async def updates(handle: Incident) -> int:
    """How many stand in the history."""
    history = await handle.fetch_history()
    return sum(one.HasField("workflow_execution_update_accepted_event_attributes") for one in history.events)


async def hung(harness: Harness, **configured: Any) -> Incident:
    """ServiceDown, whose restart ada denied: it is with her, and still hangs."""
    harness.configure(risks={"restart-service": "dangerous"}, **configured)
    harness.world.health, harness.world.process = sights.REFUSED, sights.RUNNING
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await decide(handle, by("ada", verdict=Verdict.DENY))
    await harness.until(handle, "escalated")
    return handle


async def asked(harness: Harness, proposal: Proposal, **configured: Any) -> tuple[Incident, IncidentState]:
    """What hangs, once a person is asked about this proposal."""
    handle = await hung(harness, **configured)
    assert (await propose(handle, proposal)).accepted
    return handle, await harness.until(handle, "awaiting approval")


async def became(harness: Harness, handle: Incident) -> ProposalLine:
    """The last proposal, once it is open no more."""
    for _ in range(600):
        state = await harness.state(handle)
        if state.proposals and not state.proposals[-1].became.is_open and state.phase == "escalated":
            return state.proposals[-1]
        await harness.sleep(1)
    raise AssertionError(f"it stays open: {state.proposals}, {[one.text for one in state.timeline]}")


__all__ = ["Became", "a_proposal", "asked", "became", "hung", "of_a_program", "propose", "refused"]
