"""What somebody proposes is asked about, done and verified as every plan; its review says whose it was."""

from __future__ import annotations

from datetime import timedelta

from activities.review.page import page as page_of
from models.catalogue.line import Became
from models.incident.incident import Outcome, Verdict
from tests.parts.product.signing import by, decide
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.incident.test_confirming import STILL_ACTIVE
from tests.workflows.incident.test_new_runs import told_for_months
from tests.workflows.proposals.offering import a_proposal, asked, became, hung, of_a_program, propose
from tests.workflows.switch import resume, suspend


async def test_of_a_program_from_the_proposal_to_the_review(harness: Harness) -> None:
    handle, state = await asked(harness, of_a_program(text="the pool is stuck"))
    assert state.awaiting is not None
    assert state.awaiting.plan.why == "copilot (a program) proposed it: the pool is stuck"
    assert harness.world.done == [], "nothing is done unasked"
    decided = await decide(handle, by("bob"))
    assert decided.accepted, decided
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, ["restart backend"])
    done = review.performed[-1]
    assert (done.approved_by, done.plan.proposed_by) == ("bob", "copilot (a program)")
    assert review.did_not_help == ()
    page = page_of(review)
    assert "carried out by the runbook, proposed by copilot (a program), approved by bob" in page
    assert "opilot (a program) proposed restart-service of backend: the pool is stuck" in page


async def test_what_is_safe_and_would_be_done_unasked_is_asked_about(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert("DiskSlow"))
    await harness.until(handle, "escalated")
    assert (await propose(handle, of_a_program("start-service"))).accepted
    state = await harness.until(handle, "awaiting approval")
    assert (state.severity, state.awaiting and state.awaiting.risk) == ("warning", "safe")
    await decide(handle, by("bob", verdict=Verdict.DENY))
    await harness.closes(handle)
    assert harness.world.done == []


async def test_a_person_may_approve_their_own(harness: Harness) -> None:
    handle, _ = await asked(harness, a_proposal())
    assert (await decide(handle, by("ada"))).accepted
    review = await harness.end(handle)
    assert review.performed[-1].plan.proposed_by == "ada"


async def test_denied_it_stays_with_a_person(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    paged = harness.world.pages()
    await decide(handle, by("bob", verdict=Verdict.DENY))
    line = await became(harness, handle)
    assert (line.became, harness.world.done) == (Became.DENIED, [])
    assert "bob denied" in line.why
    assert (await harness.state(handle)).acknowledged_by == "ada", "who has it has it still"
    assert harness.world.pages() == paged
    await harness.closes(handle)


async def test_when_the_alert_is_over_the_proposal_ends_with_it(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED_ELSEWHERE, [])
    assert any("the proposal of copilot (a program)" in one.text for one in review.timeline)


async def test_what_does_not_help_calls_a_person(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    paged = len(harness.world.pages())
    harness.world.watched["watch_health"] = sights.FAILING
    await decide(handle, by("bob"))
    line = await became(harness, handle)
    assert line.became is Became.FAILED
    await harness.sleep(timedelta(minutes=1))
    assert len(harness.world.pages()) > paged
    review = await harness.closes(handle)
    assert review.did_not_help != ()


async def test_nobody_answers_and_nobody_is_woken_by_it(harness: Harness) -> None:
    harness.configure(approvals={"ask_again_after": "1m", "expire_after": "5m"})
    handle = await harness.fire(await harness.alert("DiskSlow"))
    await harness.until(handle, "escalated")
    await harness.until_true(lambda: bool(harness.world.pages()))
    paged = harness.world.pages()
    assert (await propose(handle, of_a_program("start-service"))).accepted
    await harness.until(handle, "awaiting approval")
    line = await became(harness, handle)
    assert (line.became, harness.world.done) == (Became.NOT_DONE, [])
    assert "expired" in line.why
    assert harness.world.pages() == paged
    await harness.closes(handle)


async def test_what_is_seen_speaks_against_it(harness: Harness) -> None:
    handle = await hung(harness)
    assert (await propose(handle, a_proposal("start-service"))).accepted
    line = await became(harness, handle)
    assert (line.became, line.why) == (Became.NOT_DONE, "it does not stand still: running for 3 h")
    await harness.closes(handle)


async def test_for_what_it_depends_on(harness: Harness) -> None:
    handle, state = await asked(harness, of_a_program("restart-database", service="postgres"))
    assert state.awaiting is not None
    assert state.awaiting.plan.says == "restart the database postgres"
    await decide(handle, by("bob", verdict=Verdict.DENY))
    await harness.closes(handle)


async def test_a_dry_run_records_it(harness: Harness) -> None:
    handle = await hung(harness, services={"backend": {"dry_run": True}})
    await propose(handle, of_a_program())
    await harness.until(handle, "awaiting approval")
    await decide(handle, by("bob"))
    line = await became(harness, handle)
    assert (line.became, line.why) == (Became.NOT_DONE, "a dry run: it was only recorded")
    assert harness.world.done == []
    await harness.closes(handle)


async def test_the_kill_switch_ends_it_before_anything_is_done(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    await suspend(harness, "carol", "the network is down")
    await harness.until(handle, "paused")
    await resume(harness, "carol")
    line = await became(harness, handle)
    assert (line.became, harness.world.done) == (Became.NOT_DONE, [])
    assert (await decide(handle, by("bob"))).reason == "nothing is waiting for a decision"
    await harness.closes(handle)


async def test_a_new_run_knows_the_question_and_the_proposer(harness: Harness) -> None:
    handle, before = await asked(harness, of_a_program(text="the pool is stuck"))
    handle = await told_for_months(harness, handle)
    after = await harness.state(handle)
    assert (after.awaiting, after.proposals) == (before.awaiting, before.proposals)
    assert (await propose(handle, of_a_program())).id == before.proposals[0].id
    assert (await decide(handle, by("bob"))).accepted
    line = await became(harness, handle)
    assert (line.became, line.why) == (Became.VERIFIED, "the alert still stands")
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, ["restart backend"])
    assert review.performed[-1].plan.proposed_by == "copilot (a program)"


async def test_what_was_approved_late_and_does_not_fit_any_more_is_not_done(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    await harness.sleep(timedelta(minutes=20))
    harness.world.process = sights.crashed(sights.LONG_AGO)
    assert (await decide(handle, by("bob"))).accepted
    line = await became(harness, handle)
    assert (line.became, harness.world.done) == (Became.NOT_DONE, [])
    assert "does not fit any more" in line.why
    await harness.closes(handle)


async def test_whose_outcome_nobody_knows_calls_a_person_and_is_not_said_to_be_undone(
    harness: Harness,
) -> None:
    harness.world.lost["roll_back"] = 1
    script = {"command": ["./back.sh"], "timeout": "7m"}
    handle = await hung(harness, services={"backend": {"rollback": script}})
    await propose(handle, of_a_program("roll-back"))
    await harness.until(handle, "awaiting approval")
    await decide(handle, by("bob"))
    await harness.until_true(lambda: "roll_back" in harness.world.called)
    await harness.sleep(5)
    await harness.steward().terminate("by mistake")
    line = await became(harness, handle)
    assert (line.became, len(harness.world.done)) == (Became.FAILED, 1)
    assert "was terminated before it told the outcome, and whether it happened is unknown" in line.why
    await harness.closes(handle)


async def test_what_is_not_begun_yet_ends_with_the_incident(harness: Harness) -> None:
    handle, _ = await asked(harness, of_a_program())
    review = await harness.closes(handle)
    assert (review.outcome, harness.world.done) == (Outcome.CLOSED_BY_HUMAN, [])
    state = await harness.state(handle)
    assert [one.became for one in state.proposals] == [Became.NOT_DONE]


async def test_what_helped_is_no_failure_while_its_source_does_not_agree_yet(harness: Harness) -> None:
    harness.world.source = STILL_ACTIVE
    handle = await hung(harness, systems={"alertmanager": "http://localhost:9093"})
    assert (await propose(handle, of_a_program())).accepted
    await harness.until(handle, "awaiting approval")
    paged = harness.world.pages()
    assert (await decide(handle, by("bob"))).accepted
    line = await became(harness, handle)
    assert (line.became, line.why) == (Became.VERIFIED, "the alert still stands")
    assert harness.world.pages() == paged, "nothing failed"
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert (review.outcome, review.did_not_help) == (Outcome.RESOLVED, ())


async def test_what_a_person_does_not_wait_for_has_not_failed(harness: Harness) -> None:
    harness.world.hold("watch_health")
    handle, _ = await asked(harness, of_a_program())
    assert (await decide(handle, by("bob"))).accepted
    await harness.until(handle, "verifying")
    review = await harness.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    (line,) = (await harness.state(handle)).proposals
    assert line.became is Became.UNPROVED
