"""What is not of the catalogue, not of this incident, or comes at another time is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.client import WorkflowUpdateFailedError

from models.actions.kinds import kinds
from models.catalogue.line import Became
from models.catalogue.proposable import PROPOSABLE
from models.incident.incident import Decision, Through, Verdict
from models.proposals.proposal import Proposal
from tests.parts.product.signing import by, decide, signed
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.proposals.offering import (
    a_proposal,
    asked,
    became,
    hung,
    of_a_program,
    propose,
    refused,
)
from tests.workflows.switch import suspend
from workflows.proposals.making import MAKINGS
from workflows.proposals.proposals import MOST_OF_PROGRAMS


def test_each_that_may_be_proposed_exists_and_can_be_made() -> None:
    assert set(PROPOSABLE) == set(MAKINGS)
    assert set(PROPOSABLE) <= set(kinds())


@pytest.mark.parametrize(
    "said",
    [
        {"action": "delete-everything"},
        {"action": "degrade"},
        {"action": "restart-service", "settings": {"container": "other"}},
        {"action": "run-script", "settings": {"command": "/bin/rm"}},
        {"action": "scale-out", "settings": {"to": 1000}},
        {"action": "raise-memory-limit", "settings": {"to": "1"}},
        {"action": "restart-service", "service": "../other"},
        {"action": "restart-service", "key": "a b"},
    ],
)
def test_what_is_not_of_the_catalogue_is_no_proposal(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Proposal.model_validate({**said, "by": "ada", "through": Through.INTAKE})


async def test_what_is_no_proposal_reaches_no_incident(harness: Harness) -> None:
    handle = await hung(harness)
    words = (await signed(handle, a_proposal(), "propose")).model_dump(mode="json")
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("propose", {**words, "action": "delete-everything"})
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("propose", {**words, "settings": {"container": "other"}})
    assert (await harness.state(handle)).proposals == ()
    await harness.closes(handle)


@pytest.mark.parametrize(
    ("proposal", "why"),
    [
        (a_proposal(service="elsewhere"), "may not act on elsewhere; it may on: backend, postgres"),
        (a_proposal("scale-out", settings={"to": 2}), "scale.max_replicas of backend is 1"),
        (a_proposal("raise-memory-limit", settings={"to": "5g"}), "memory.cap of backend is 4 GiB"),
        (a_proposal("restart-database"), "backend is no database"),
        (a_proposal("clear-cache"), "no clear_cache is configured for backend"),
    ],
    ids=lambda one: one.action if isinstance(one, Proposal) else "",
)
async def test_what_does_not_fit_to_the_incident(harness: Harness, proposal: Proposal, why: str) -> None:
    handle = await hung(harness)
    assert why in await refused(handle, proposal)
    await harness.closes(handle)


async def test_the_word_of_nobody_proposes_nothing(harness: Harness) -> None:
    handle = await hung(harness)
    good = await signed(handle, of_a_program(), "propose")
    forged = [
        good.model_copy(update=changed)
        for changed in (
            {"by": "ada"},
            {"through": Through.INTAKE},
            {"action": "roll-back"},
            {"service": "postgres"},
            {"text": "else"},
        )
    ]
    for proposal in (of_a_program(), *forged, (await signed(handle, a_proposal(), "note"))):
        answer = await handle.execute_update("propose", proposal)
        assert not answer["accepted"], answer
    state = await harness.state(handle)
    assert (state.proposals, state.awaiting) == ((), None)
    assert any("propose did not count" in one.text for one in state.timeline)
    await harness.closes(handle)


async def test_what_goes_on_by_itself_takes_none(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    assert f"plan {state.awaiting.digest} waits for a decision" in await refused(handle, a_proposal())
    await handle.signal("deny")
    await harness.closes(handle)


async def test_one_at_a_time_and_the_same_twice_is_one(harness: Harness) -> None:
    handle, state = await asked(harness, of_a_program(key="k1"))
    before = state.proposals[-1]
    again = await propose(handle, of_a_program(key="k1"))
    assert (again.accepted, again.id) == (True, before.id)
    assert "you proposed it at" in again.reason
    other = await propose(handle, of_a_program("roll-back", key="k1"))
    assert (other.accepted, "the key k1 was used for restart-service" in other.reason) == (False, True)
    assert "waits for a decision" in await refused(handle, a_proposal())
    assert len((await harness.state(handle)).proposals) == 1
    await decide(handle, by("bob", verdict=Verdict.DENY))
    await harness.closes(handle)


async def test_what_was_denied_a_program_proposes_no_more(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    await decide(handle, by("bob", verdict=Verdict.DENY))
    assert (await became(harness, handle)).became is Became.DENIED
    assert "it was denied already" in await refused(handle, of_a_program(key="once-more"))
    assert (await propose(handle, a_proposal())).accepted, "a person may"
    await harness.until(handle, "awaiting approval")
    await decide(handle, by("bob", verdict=Verdict.DENY))
    await harness.closes(handle)


async def test_programs_have_so_many(harness: Harness) -> None:
    handle = await hung(harness)
    for turn in range(MOST_OF_PROGRAMS):
        assert (await propose(handle, of_a_program("start-service", key=f"k{turn}"))).accepted
        assert (await became(harness, handle)).became is Became.NOT_DONE
    why = f"programs proposed {MOST_OF_PROGRAMS} times already"
    assert why in await refused(handle, of_a_program("start-service", key="more"))
    await harness.closes(handle)


async def test_a_program_decides_nothing(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    for name in ("copilot", "ada"):
        decided = await decide(handle, Decision(by=name, through=Through.PROGRAM))
        assert decided.reason == "a program may propose, and decides nothing"
    await decide(handle, by("bob", verdict=Verdict.DENY))
    await harness.closes(handle)


async def test_two_people_where_the_configuration_wants_two(harness: Harness) -> None:
    handle, _ = await asked(harness, a_proposal(), approvals={"own_proposals": False})
    own = await decide(handle, by("ada"))
    assert (own.accepted, own.reason) == (False, "ada proposed it: another person approves")
    await handle.signal("approve")
    state = await harness.state(handle)
    assert any("nobody vouches for who sent this" in one.text for one in state.timeline)
    assert (await decide(handle, by("bob"))).accepted
    await harness.end(handle)


async def test_while_it_is_suspended_none_is_taken(harness: Harness) -> None:
    handle = await hung(harness)
    await suspend(harness, "carol", "the network is down")
    for _ in range(60):
        if (await harness.state(handle)).paused:
            break
        await harness.sleep(1)
    assert "it is paused, and nothing is begun" in await refused(handle, a_proposal())
    await harness.closes(handle)
