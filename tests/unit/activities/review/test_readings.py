"""What was known when the cause was named stands apart from what was read after the repair."""

from __future__ import annotations

from datetime import timedelta

from activities.review.page import page
from models.incident.incident import Entry, EntryKind, EvidenceLine, Outcome
from models.incident.report import Report
from models.incident.review import Review
from models.people.said import Said, Word
from tests.unit.activities.test_review_page import after, by_a_person, out_of_memory


def read(name: str, seconds: int, reason: str, finding: str = "bad") -> EvidenceLine:
    return EvidenceLine(name=name, finding=finding, reason=reason, at=after(seconds))


STARTS = read("starts", 5, "started too often")
COSTS = read("costs", 95, "$25 of $15")
SYNCED = read("last_sync", 96, "synced 0.1 s ago", "ok")
QUEUE = read("queue", 97, "12 wait")
NAMED = Entry(at=after(6), text="cause: retry loop", kind=EntryKind.CAUSE)
CONFIRMED = Entry(at=after(5), text="confirmed: last synced 3 h ago", kind=EntryKind.CONFIRMED)
DONE = by_a_person(40, Said(word=Word.DONE, text="the key is renewed"), by="lena")


def reread(**more: object) -> Review:
    """A plan of it was done after 80 s."""
    told = {
        "evidence": (STARTS, COSTS, SYNCED, QUEUE),
        "pointing": "starts: started too often; costs: $16 of $15; now more",
        "timeline": (CONFIRMED, NAMED),
    }
    return out_of_memory().model_copy(update={**told, **more})


def section(review: Review, title: str) -> str:
    return page(review).partition(f"\n## {title}\n\n")[2].partition("\n## ")[0]


def test_what_was_known_then_and_what_was_read_since_are_two_lists() -> None:
    then, began, since = section(reread(), "What was found").partition(
        "### Read again after the repair began, T+1 min 20 s (03:16:22)"
    )
    assert began
    assert "- starts: **bad**, started too often, T+5 s (03:15:07)" in then
    assert r"- costs: \$16 of \$15; now more, by T+6 s (03:15:08)" in then
    assert "- The alert is true: last synced 3 h ago. That was read by T+5 s (03:15:07)." in then
    assert "- Only the later reading is kept of: last_sync, queue" in then
    assert r"- costs: **bad**, \$25 of \$15, T+1 min 35 s (03:16:37)" in since
    assert "**ok**, synced 0.1 s ago" in since
    assert "started too often" not in since


def test_what_confirmed_the_alert_is_not_told_twice() -> None:
    costs = CONFIRMED.model_copy(update={"text": "confirmed: $16 of $15; now more"})
    assert "The alert is true" not in section(reread(timeline=(costs, NAMED)), "What was found")


def test_what_was_wrong_is_what_was_read_before_the_repair() -> None:
    why = section(reread(), "Why this cause")
    assert r"What points to it: starts: started too often; costs: \$16 of \$15; now more." in why
    assert "no sign of this cause" not in why
    nothing_pointed = section(reread(pointing=""), "Why this cause")
    assert "What was wrong: starts: started too often." in nothing_pointed
    assert r"\$25" not in why
    assert "Only the later reading is kept of: queue." in why


def test_what_is_bad_and_points_elsewhere_stands_apart() -> None:
    logs, errors = read("logs", 5, "database-lost (1)"), read("errors", 5, "39% answer 5xx")
    true = CONFIRMED.model_copy(update={"text": "confirmed: 39% answer 5xx"})
    why = section(reread(evidence=(STARTS, logs, COSTS, errors), timeline=(true, NAMED)), "Why this cause")
    assert "What the alert tells of: errors: 39% answer 5xx." in why
    assert "Bad as well, and no sign of this cause: logs: database-lost (1)." in why


def test_what_was_read_after_the_cause_was_named_says_so_and_comes_after_the_rest() -> None:
    late = read("schedules", 70, "it is paused")
    known = reread(evidence=(late, SYNCED, STARTS), known_at=after(6))
    found = section(known, "What was found")
    told = "- schedules: **bad**, it is paused, read after the cause was named, at T+1 min 10 s (03:16:12)"
    assert told in found
    assert found.index("- starts: **bad**") < found.index(told)
    assert "- Only the later reading is kept of: schedules, last_sync" in found
    assert "it is paused" not in section(known, "Why this cause"), "nobody knew that then"
    pointed = known.model_copy(update={"pointing": "schedules: it failed"})
    found = section(pointed, "What was found")
    before = "- schedules: it failed, by T+6 s (03:15:08)"
    again = (
        "read again after the cause was named, at T+1 min 10 s (03:16:12): it was named by the reading before"
    )
    assert found.index(before) < found.index(f"- schedules: **bad**, it is paused, {again}")
    told_of_old = section(known.model_copy(update={"known_at": None}), "What was found")
    assert "read after the cause" not in told_of_old, "an older review does not know"


def test_no_verdict_stands_before_its_evidence_though_the_clock_of_a_workflow_stands() -> None:
    seen = [read(name, 6, f"{name} is bad") for name in ("starts", "queue")]
    at = after(6) + timedelta(seconds=0.4)
    seen = [one.model_copy(update={"at": at}) for one in seen]
    true = CONFIRMED.model_copy(update={"text": "confirmed: queue is bad"})
    next_line = Entry(at=after(6), text="asks somebody")
    review = reread(evidence=tuple(seen), known_at=at, timeline=(true, NAMED, next_line))
    assert "- queue: **bad**, queue is bad, T+6.4 s (03:15:08)" in section(review, "What was found")
    assert section(review, "Timeline").splitlines()[:3] == [
        "- T+6.4 s (03:15:08): The alert is true: queue is bad.",
        "- T+6.4 s (03:15:08): The cause is retry loop.",
        "- T+6.4 s (03:15:08): Asks somebody.",
    ]
    alone = review.model_copy(update={"timeline": (NAMED,)})
    assert "- T+6.4 s (03:15:08): The cause is retry loop." in section(alone, "Timeline")
    far = review.model_copy(update={"known_at": after(60)})
    assert "T+6 s (03:15:08): The cause is" in section(far, "Timeline"), "a clock that is wrong moves nothing"


def test_what_is_bad_at_the_end_of_a_proof_is_no_contradiction() -> None:
    proof = Entry(
        at=after(96), text="verification: now $3600 an hour, at most $3600", kind=EntryKind.VERIFIED
    )
    told = r"costs, queue: bad, and the incident is resolved all the same, by what was proved at T+1 min 36 s"
    found = section(reread(timeline=(NAMED, proof)), "What was found")
    assert told in found
    assert r"Verified: now \$3600 an hour, at most \$3600." in found
    assert "all the same" not in section(reread(), "What was found"), "nothing was proved"


def test_who_closed_it_is_named_with_the_time() -> None:
    review = reread(
        performed=(),
        timeline=(NAMED, by_a_person(40, Said(word=Word.ACKNOWLEDGE), by="anna")),
        outcome=Outcome.CLOSED_BY_HUMAN,
        report=Report(title="Revenue", paragraphs=("It fell.",)),
    )
    closed = "anna (through the intake) closed it, by acknowledging the report, at T+40 s (03:15:42)"
    assert closed in section(review, "Summary")
    text = page(review)
    assert "anna closed it after **" in text
    assert "- Closed by anna after 6 min 40 s" in text
    assert "- [ ] See that it is well: it was closed by anna" in text
    by_done = page(reread(timeline=(NAMED, DONE), outcome=Outcome.CLOSED_BY_HUMAN))
    assert "lena (through the intake) closed it, at T+40 s (03:15:42)" in by_done
    alone = page(review.model_copy(update={"report": None}))
    assert "closed by a person" in alone, "an acknowledgement closes only a report"


def test_a_person_who_is_named_first_keeps_the_name() -> None:
    told = Entry(at=after(41), text="anna acknowledged the report")
    knows = by_a_person(40, Said(word=Word.ACKNOWLEDGE), by="anna")
    alone = section(reread(timeline=(NAMED, told, knows)), "Timeline")
    assert ": anna acknowledged the report." in alone
    once = section(reread(timeline=(NAMED, knows, told)), "Timeline")
    assert once.count("acknowledged") == 1, "what a person did stands once"


def test_a_repair_by_hand_counts_and_one_before_the_cause_was_named_does_not() -> None:
    by_hand = section(reread(performed=(), timeline=(NAMED, DONE)), "What was found")
    assert "### Read again after the repair began, T+40 s (03:15:42)" in by_hand
    late = NAMED.model_copy(update={"at": after(90)})
    assert "### Read again" not in section(reread(timeline=(late,)), "What was found")


def test_what_a_person_did_by_hand_is_a_step_by_that_person() -> None:
    review = reread(timeline=(NAMED, DONE), summary="Resolved; nothing was changed.")
    assert "By hand: lena (through the intake) said that it is done: the key is renewed." in section(
        review, "Summary"
    )
    assert "the runbook changed nothing" in section(review, "Summary")
    done = section(review, "What was done")
    step = "2. **the key is renewed**, by hand, by lena (through the intake), not by the runbook; "
    assert f"{step}said to be done at T+40 s (03:15:42)" in done
    assert done.index("1. **restart backend**") < done.index(step) < done.index("3. **raise the memory")
    assert "- Actions taken: 2 plans, and 1 step by hand, above." in page(review)


def test_what_another_incident_repaired_is_read_after_the_cause_was_named() -> None:
    found = section(reread(performed=(), handed_to=("DatabaseConnectionFailure/postgres",)), "What was found")
    began = "### Read again after the cause was named, and handed to another incident, T+6 s (03:15:08)"
    assert "**ok**, synced 0.1 s ago" in found.partition(began)[2]


def test_a_done_that_did_not_count_is_no_step() -> None:
    refused = by_a_person(40, Said(word=Word.DONE, refused="it is over"), by="lena")
    assert "by hand" not in section(reread(timeline=(NAMED, refused)), "What was done")


def test_a_wait_that_was_planned_is_told_as_the_most_it_may_take() -> None:
    waits = Entry(at=after(90) + timedelta(), text="waits 2 s: the pace must be within the budget")
    assert "Waits at most 2 s: the pace" in page(reread(timeline=(waits,)))
