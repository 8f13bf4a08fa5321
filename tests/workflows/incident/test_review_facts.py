"""What the review tells of people and of what was found, for who was not there."""

from __future__ import annotations

from datetime import timedelta

from temporalio.api.sdk.v1 import WorkflowMetadata

from activities.review.page import page
from models.evidence.logged import LoggedError
from models.incident.incident import Outcome, Spoken, Through
from models.incident.search_attributes import CAUSE, OUTCOME
from tests.parts.product.signing import tell
from tests.workflows import sights
from tests.workflows.harness import Harness


async def test_acknowledged_at_30_s_and_approved_at_4_min_is_a_response_after_30_s(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(timedelta(seconds=30))
    await tell(handle, "acknowledge", Spoken(by="alice", through=Through.COMMAND))
    await harness.sleep(timedelta(minutes=4))
    await handle.signal("approve")
    review = await harness.end(handle)
    assert review.responded_after is not None
    assert review.acted_after is not None
    assert timedelta(seconds=30) <= review.responded_after < timedelta(minutes=2)
    assert review.acted_after >= timedelta(minutes=4)
    assert "alice (through the command line) acknowledged it." in page(review)


async def test_the_last_error_of_the_log_comes_with_its_time(harness: Harness) -> None:
    alert = await harness.alert()
    error = LoggedError(text="TypeError: no price", at=alert.starts_at - timedelta(days=2))
    harness.world.logs = sights.QUIET_LOG.model_copy(update={"last_error": error})
    review = await harness.end(await harness.fire(alert))
    assert review.last_error == error
    assert "is from before the incident, 48 h before the alert began" in page(review)


async def test_acknowledged_and_closed_by_a_person_is_a_response(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert("DiskSlow"))
    await harness.until(handle, "escalated")
    await tell(handle, "acknowledge", Spoken(by="alice", through=Through.COMMAND))
    await tell(handle, "done", Spoken(by="alice", through=Through.COMMAND, text="moved the logs away"))
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert review.responded_after is not None
    text = page(review)
    assert "Nobody responded" not in text
    assert "alice (through the command line) said that it is done: moved the logs away." in text


async def test_what_is_repaired_while_nobody_says_a_word_has_no_response(harness: Harness) -> None:
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.responded_after is None
    assert review.acted_after is not None


async def test_an_alert_without_a_runbook_is_reviewed_with_evidence_words_and_timeline(
    harness: Harness,
) -> None:
    alert = await harness.alert("DiskSlow")
    said = {"summary": "The disk is slow", "description": "Writes take 2 s."}
    handle = await harness.fire(alert.model_copy(update={"annotations": said}))
    await harness.until(handle, "escalated")
    text = page(await harness.closes(handle))
    for told in (
        "The disk is slow",
        "Writes take 2 s.",
        "- health: **bad**, connection refused",
        "## Timeline",
    ):
        assert told in text


async def test_the_cause_is_told_with_what_speaks_for_it_and_what_was_ruled_out(harness: Harness) -> None:
    review = await harness.end(await harness.fire(await harness.alert()))
    assert (review.cause, review.why_cause != "") == ("crash", True)
    assert f"The runbook names it when: {review.why_cause[:20]}" in page(review)


async def test_a_channel_that_failed_is_named_although_another_took_it(harness: Harness) -> None:
    harness.world.down = {"discord"}
    handle = await harness.fire(await harness.alert("DiskSlow"))
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    assert "## Channels that failed" in page(review)


async def test_evidence_and_the_alerts_words_are_in_the_state_and_in_the_ui(harness: Harness) -> None:
    alert = await harness.alert("DiskSlow")
    said = {"summary": "The disk is slow", "description": "Writes take 2 s."}
    handle = await harness.fire(alert.model_copy(update={"annotations": said}))
    state = await harness.until(handle, "escalated")
    health = next(one for one in state.evidence if one.name == "health")
    assert (health.finding, state.alert.words["summary"]) == ("bad", "The disk is slow")
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    for shown in ("The disk is slow. Writes take 2 s.", "health: **bad**, connection refused"):
        assert shown in metadata.current_details
    await harness.closes(handle)


async def test_a_closed_incident_is_found_by_its_cause_and_outcome(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert())
    await harness.end(handle)
    attributes = (await handle.describe()).typed_search_attributes
    assert (attributes.get(CAUSE), attributes.get(OUTCOME)) == ("crash", "resolved")


async def test_what_a_person_had_done_again_and_what_helped_then_did_help(harness: Harness) -> None:
    harness.world.works = False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    harness.world.works = True
    await harness.sleep(1200)  # past what the service has to wait after an action that failed
    await handle.signal("retry", {"by": "ada"})
    review = await harness.end(handle)
    assert [one.done for one in review.performed] == [False, True]
    assert review.did_not_help == ("start backend: it did not help",)
