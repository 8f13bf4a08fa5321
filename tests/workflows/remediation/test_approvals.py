"""A decision counts once, for one exact plan, from somebody who may decide; all else is noted."""

from __future__ import annotations

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata

from models.incident.incident import IncidentState, Outcome, Verdict
from tests.parts.product.signing import by, decide, signed_decision
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident

KILL = "kill process 77 (thief), which listens on port 3000"
DONE = [KILL, "start backend"]


async def asked(harness: Harness) -> tuple[Incident, str]:
    """An incident that waits for a decision, and the digest of its plan."""
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "awaiting approval")
    assert state.awaiting is not None
    return handle, state.awaiting.digest


def noted(state: IncidentState, text: str) -> bool:
    return any(text in entry.text for entry in state.timeline)


async def test_the_ui_signal_needs_no_input(harness: Harness) -> None:
    handle, digest = await asked(harness)
    await handle.signal("approve")
    review = await harness.end(handle)
    assert harness.world.done == DONE
    assert review.performed[0].approved_by == "somebody in the Temporal UI (raw)"
    assert any(f"approve of plan {digest}" in entry.text for entry in review.timeline)


async def test_a_step_that_fails_ends_its_plan(harness: Harness) -> None:
    harness.world.fails = {"kill_process": "it belongs to the machine"}
    handle, _ = await asked(harness)
    await handle.signal("approve")
    await harness.until(handle, "escalated")
    assert harness.world.done == [KILL], "it is not started while another has its port"


async def test_the_ui_shows_the_question_whole(harness: Harness) -> None:
    handle, digest = await asked(harness)
    shown = await details(handle)
    assert f"approval** of plan `{digest}` (dangerous)" in shown
    assert f"- {KILL}. Changes: " in shown
    assert "- start backend. Changes: backend runs again with the configuration it had. Undo: " in shown


async def test_the_ui_shows_each_new_line_at_once(harness: Harness) -> None:
    handle, _ = await asked(harness)
    await handle.signal("note", {"text": "I know <b>this</b> *thief*"})
    assert r"note: I know \<b\>this\</b\> \*thief\*" in (await details(handle)).split("Newest first")[1]


async def test_the_ui_shows_how_it_ended(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert())
    await harness.end(handle)
    assert "**Outcome**: ServiceDown on backend: resolved after" in await details(handle)


async def details(handle: Incident) -> str:
    """What the Temporal UI shows as the current details of the run."""
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


@pytest.mark.parametrize("said", [["approve"], "yes", 7, {"plan": ["a"]}])
async def test_input_that_is_no_decision_decides_nothing_and_is_seen(harness: Harness, said: object) -> None:
    handle, _ = await asked(harness)
    await handle.signal("approve", said)
    state = await harness.state(handle)
    assert noted(state, "approve did not count (its input is not a decision")
    assert state.awaiting is not None
    assert harness.world.done == []
    await handle.signal("deny")
    await harness.until(handle, "escalated")


async def test_words_may_be_a_bare_text(harness: Harness) -> None:
    handle, _ = await asked(harness)
    await handle.signal("note", "it is the new release")
    await handle.signal("acknowledge", ["on", "it"])
    state = await harness.state(handle)
    assert noted(state, "note: it is the new release")
    assert noted(state, "acknowledged: (with an input that could not be read)")


async def test_word_of_another_alert_is_ignored(harness: Harness) -> None:
    handle, _ = await asked(harness)
    other = await harness.alert("ServiceDown", service="postgres", status="resolved")
    await handle.signal("alert_changed", other)
    state = await harness.state(handle)
    assert noted(state, "word of another alert was ignored: ServiceDown/postgres")
    assert state.awaiting is not None


async def test_another_plans_digest_does_not_count(harness: Harness) -> None:
    handle, digest = await asked(harness)
    decided = await decide(handle, by("ada", plan="0" * 12))
    assert not decided.accepted
    assert digest in decided.reason
    state = await harness.state(handle)
    assert noted(state, "approve did not count")
    assert state.awaiting is not None
    assert harness.world.done == []
    assert (await decide(handle, by("ada", plan=digest))).accepted
    assert (await harness.end(handle)).performed[0].approved_by == "ada"


async def test_who_is_not_on_the_list_does_not_count(harness: Harness) -> None:
    harness.configure(approvals={"approvers": ["ada"]})
    handle, digest = await asked(harness)
    decided = await decide(handle, by("mallory", plan=digest))
    assert (decided.accepted, decided.reason) == (False, "mallory is not on the list of approvers")
    assert harness.world.done == []
    assert (await decide(handle, by("ada"))).accepted
    await harness.end(handle)


async def test_the_second_decision_changes_nothing(harness: Harness) -> None:
    handle, digest = await asked(harness)
    harness.world.hold("kill_process")
    assert (await decide(handle, by("ada", plan=digest))).accepted
    late = await decide(handle, by("bob", plan=digest, verdict=Verdict.DENY))
    assert not late.accepted
    harness.world.let_go("kill_process")
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED
    assert review.performed[0].approved_by == "ada"
    assert any("deny did not count" in entry.text and entry.by == "bob" for entry in review.timeline)


async def test_two_at_once_one_counts(harness: Harness) -> None:
    handle, _ = await asked(harness)
    yes, no = by("ada"), by("bob", verdict=Verdict.DENY)
    messages = {"approve": await signed_decision(handle, yes), "deny": await signed_decision(handle, no)}
    for name, decision in messages.items():
        await handle.signal(name, decision)
    review = await harness.end(handle)
    assert harness.world.done == DONE
    assert review.performed[0].approved_by == "ada"


async def test_an_approval_with_nothing_pending_is_not_kept(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert(), start_signal="approve")
    state = await harness.until(handle, "awaiting approval")
    assert noted(state, "approve did not count (nothing is waiting for a decision)")
    await harness.sleep(60)
    assert harness.world.done == []
    await handle.signal("deny")
    await harness.until(handle, "escalated")
    await harness.closes(handle)


async def test_the_configuration_can_refuse_raw_signals(harness: Harness) -> None:
    harness.configure(approvals={"temporal_ui": False})
    handle, _ = await asked(harness)
    await handle.signal("approve")
    await harness.sleep(1)
    assert noted(await harness.state(handle), "the configuration refuses raw signals")
    assert harness.world.done == []
    assert (await decide(handle, by("ada"))).accepted
    await harness.end(handle)


async def test_a_raw_signal_stays_raw_whatever_it_says_of_itself(harness: Harness) -> None:
    harness.configure(approvals={"temporal_ui": False, "approvers": ["ada"]})
    handle, digest = await asked(harness)
    await handle.signal("approve", by("ada", plan=digest))
    await harness.sleep(1)
    assert noted(await harness.state(handle), "the configuration refuses raw signals")
    assert harness.world.done == []
    await harness.resolve(handle)
    await harness.end(handle)


async def test_what_is_denied_is_escalated_and_not_asked_again(harness: Harness) -> None:
    handle, digest = await asked(harness)
    assert (await decide(handle, by("ada", plan=digest, verdict=Verdict.DENY))).accepted
    state = await harness.until(handle, "escalated")
    assert noted(state, "ada denied: kill process 77")
    assert not (await decide(handle, by("bob", plan=digest))).accepted
    await harness.sleep(3600)
    assert harness.world.done == []
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert (await harness.book()).failures == (), "what was never tried did not fail"


async def test_an_approval_is_void_for_the_next_incidents_plan(harness: Harness) -> None:
    first, digest = await asked(harness)
    await harness.resolve(first)
    await harness.end(first)
    owner = sights.TAKEN_PORT.owner
    assert owner is not None
    harness.world.port = sights.TAKEN_PORT.model_copy(update={"owner": owner.model_copy(update={"pid": 78})})
    second = await harness.fire(await harness.alert())
    state = await harness.until(second, "awaiting approval")
    assert state.awaiting is not None
    assert state.awaiting.digest != digest
    assert not (await decide(second, by("ada", plan=digest))).accepted
    assert harness.world.done == []
    await second.signal("deny")
    await harness.until(second, "escalated")
    await harness.closes(second)
