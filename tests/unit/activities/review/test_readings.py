"""What was known when the cause was named stands apart from what was read after the repair."""

from __future__ import annotations

from datetime import timedelta

from activities.review.page import page
from models.incident.incident import Entry, EntryKind, EvidenceLine
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
    assert r"What was wrong: starts: started too often; costs: \$16 of \$15; now more." in why
    assert r"\$25" not in why
    assert "Only the later reading is kept of: queue." in why


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
    assert "the product changed nothing" in section(review, "Summary")
    done = section(review, "What was done")
    step = "2. **the key is renewed**, by hand, by lena (through the intake), not by the product; "
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
