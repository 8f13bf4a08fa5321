"""Where the time went: parts that add up to the whole, whatever was recorded; in words, and as bars."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.review.charts import as_file
from activities.review.facts.order import in_order as in_order_of_lines
from activities.review.page import page, time_section
from activities.review.phases import WhereTimeWent
from activities.review.time_chart import Lane, drawn, in_order, marks
from models.incident.incident import Entry, EntryKind, EvidenceLine, Outcome
from models.incident.review import Began, Doing, Review
from tests.unit.activities.test_review_page import BEGAN, after, out_of_memory

SVG = "{http://www.w3.org/2000/svg}"
LOOKED = {"errors": 4, "memory": 6}
MOMENTS = st.floats(min_value=-90_000, max_value=9_000_000)
DOINGS = st.sampled_from([one for one in Doing if one is not Doing.ENDED])


def minutes(review: Review) -> dict[str, str]:
    """The table of the page, the whole with it."""
    rows = [line.strip("| ").split(" | ") for line in time_section(review).splitlines() if line[:1] == "|"]
    return {row[0]: row[1] for row in rows[2:]}


def well_after(seconds: int, **changes: object) -> Review:
    return out_of_memory().model_copy(update={"resolved_after": timedelta(seconds=seconds), **changes})


@given(st.lists(st.tuples(MOMENTS, DOINGS), min_size=1, max_size=40), st.integers(0, 10**7))
def test_the_parts_add_up_to_the_whole(began: list[tuple[float, Doing]], detected: int) -> None:
    phases = tuple(Began(at=BEGAN + timedelta(seconds=at), doing=doing) for at, doing in began)
    review = well_after(100, phases=phases, detected_after=timedelta(seconds=detected))
    time = WhereTimeWent(review)
    whole = sum((took for took, _ in time.by_phase().values()), timedelta())
    assert whole == timedelta(seconds=time.whole)
    until_well = sum((before for _, before in time.by_phase().values()), timedelta())
    assert until_well == timedelta(seconds=time.well or 0)
    as_file(drawn(review, time, "time"))


def test_what_took_longest_until_it_was_well_comes_first_and_the_rest_is_not_blamed() -> None:
    review = well_after(100)
    text = time_section(review)
    assert "It was well again after **1 min 40 s**, and closed after 6 min 40 s." in text
    assert "Until it was well, the longest was **waiting for a decision**: 44 s of 1 min 40 s." in text
    assert "| verifying | 5 min 11 s | 11 s |" in text
    assert "| **whole** | 6 min 40 s | 1 min 40 s |" in text


def test_what_a_person_closed_is_not_called_well() -> None:
    text = time_section(well_after(400, outcome=Outcome.CLOSED_BY_HUMAN))
    assert "A person closed it after **6 min 40 s**; that it was well again was not proved." in text
    assert "Until it was well" not in text
    assert "A person cancelled it" in time_section(well_after(400, outcome=Outcome.CANCELLED))


@pytest.mark.parametrize(
    ("responded", "told"),
    [
        (None, {"waiting for a person": "4 min"}),
        (100, {"waiting for a person": "1 min", "with a person": "3 min"}),
        (20, {"with a person": "4 min"}),
        (900, {"waiting for a person": "4 min"}),
    ],
)
def test_until_the_first_word_of_anybody_a_person_is_waited_for(
    responded: int | None, told: dict[str, str]
) -> None:
    phases = {0: Doing.CHECKING, 40: Doing.PERSON, 280: Doing.ENDED}
    review = well_after(
        280,
        outcome=Outcome.CLOSED_BY_HUMAN,
        phases=tuple(Began(at=after(at), doing=doing) for at, doing in phases.items()),
        detected_after=timedelta(),
        responded_after=None if responded is None else timedelta(seconds=responded),
    )
    assert minutes(review) == {"checking the alert": "40 s", **told, "**whole**": "4 min 40 s"}


def test_what_is_looked_at_while_the_clock_of_the_workflow_stands_is_not_the_repair() -> None:
    read = [EvidenceLine(name=name, finding="bad", reason=name, at=after(at)) for name, at in LOOKED.items()]
    true = Entry(at=BEGAN, text="confirmed: errors", kind=EntryKind.CONFIRMED)
    named = Entry(at=BEGAN, text="cause: memory leak", kind=EntryKind.CAUSE)
    phases = {0: Doing.ACTING, 9: Doing.VERIFYING, 100: Doing.ENDED}
    review = well_after(
        100,
        phases=tuple(Began(at=after(at), doing=doing) for at, doing in phases.items()),
        detected_after=timedelta(),
        evidence=tuple(read),
        timeline=(true, named),
        known_at=after(6),
        performed=(),
    )
    told = {"checking the alert": "4 s", "diagnosing": "2 s", "acting": "3 s", "verifying": "1 min 31 s"}
    assert minutes(review) == {**told, "**whole**": "1 min 40 s"}
    assert WhereTimeWent(in_order_of_lines(review)).by_phase() == WhereTimeWent(review).by_phase()
    twice = review.model_copy(update={"timeline": (true, named, named)})
    assert minutes(twice)["acting"] == "9 s", "which of two looks were for which, is not known"
    begun = (
        Began(at=after(0), doing=Doing.CHECKING),
        Began(at=after(5), doing=Doing.ACTING),
        *review.phases[1:],
    )
    assert minutes(review.model_copy(update={"phases": begun})) == minutes(review)


def test_what_was_over_within_ten_seconds_is_told_in_tenths() -> None:
    at = {0.0: Doing.CHECKING, 0.44: Doing.ACTING, 0.91: Doing.VERIFYING, 9.04: Doing.ENDED}
    phases = tuple(Began(at=BEGAN + timedelta(seconds=one), doing=doing) for one, doing in at.items())
    quick = well_after(4, phases=phases, detected_after=timedelta(), timeline=())
    quick = quick.model_copy(update={"resolved_after": timedelta(seconds=4.94)})
    told = {"checking the alert": "0.4 s", "acting": "0.5 s", "verifying": "8.1 s", "**whole**": "9 s"}
    assert minutes(quick) == told
    assert "It was well again after **4.9 s**, and closed after 9 s." in time_section(quick)
    assert "To the whole second" not in time_section(quick)
    later = Began(at=after(30), doing=Doing.ENDED)
    slower = quick.model_copy(update={"phases": (*phases[:3], later)})
    assert "To the whole second: what took less is counted with what came" in time_section(slower)


def test_an_older_review_is_read_from_its_timeline_and_says_so() -> None:
    older = well_after(400, phases=())
    assert "An earlier version led it: the phases are read from its timeline." in time_section(older)
    assert minutes(older) == minutes(well_after(400))
    paused = Entry(at=after(7), text="paused: maintenance until 03:20 UTC")
    goes_on = Entry(at=after(27), text="goes on after 20 s: no longer maintenance until 03:20 UTC")
    escalated = Entry(at=after(30), text="escalated: nothing helped", kind=EntryKind.ESCALATED)
    lines = (*older.timeline[:2], paused, goes_on, escalated)
    held = well_after(60, timeline=lines, phases=(), performed=(), responded_after=None)
    assert minutes(held) == {
        "before the alert came in": "4 s",
        "checking the alert": "4 s",
        "diagnosing": "2 s",
        "paused": "20 s",
        "waiting for a person": "30 s",
        "**whole**": "1 min",
    }


def test_one_without_a_timeline_and_one_that_was_over_at_once_have_a_page() -> None:
    empty = well_after(30, timeline=(), phases=(), performed=())
    assert minutes(empty)["**whole**"] == "30 s"
    at_once = well_after(0, timeline=(), phases=(), performed=(), detected_after=timedelta())
    assert time_section(at_once) == "## Where the time went\n\nIt was over within a second."
    assert "-time.svg" not in page(at_once)


def test_an_alert_whose_clock_is_ahead_begins_when_it_came_in() -> None:
    ahead = well_after(390, began_at=after(60), detected_after=timedelta())
    assert "before the alert came in" not in minutes(ahead)
    assert minutes(ahead)["**whole**"] == "6 min 36 s"


def test_the_chart_marks_what_was_paged_asked_decided_and_done() -> None:
    review = well_after(100)
    time = WhereTimeWent(review)
    assert [(one.lane, one.begins, one.ends) for one in marks(review, time)] == [
        (Lane.PAGED, 6, 6),
        (Lane.DONE, 20, 20),
        (Lane.ASKED, 31, 31),
        (Lane.DECIDED, 75, 75),
        (Lane.DONE, 80, 89),
    ]
    root = ElementTree.fromstring(as_file(drawn(review, time, "time")))
    words = [one.text for one in root.iter(f"{SVG}text")]
    for told in ("verifying", "5 min 11 s", "paged", "decided", "2 times", "well again after 1 min 40 s"):
        assert told in words
    hover = [one.text or "" for one in root.iter(f"{SVG}title")]
    assert "waiting for a decision: 44 s, from T+31 s to T+1 min 15 s" in hover
    assert "approved by alice@example.com, T+1 min 15 s" in hover


def test_in_words_the_chart_says_all_that_it_shows() -> None:
    review = well_after(100)
    said = [says for _, says in in_order(review, WhereTimeWent(review))]
    assert said[:4] == ["before the alert came in, for 4 s", "checking the alert, for 1 s", *said[2:4]]
    assert {"paged on-call", "well again", "approved by alice@example.com"} <= set(said)
    assert "acting, for 14 s" in said


def test_a_bar_is_as_long_as_its_time() -> None:
    review = out_of_memory()
    root = ElementTree.fromstring(as_file(drawn(review, WhereTimeWent(review), "time")))
    width = {
        (one.findtext(f"{SVG}title") or "").partition(":")[0]: float(one.get("width", ""))
        for one in root.iter(f"{SVG}rect")
    }
    assert width["verifying"] / width["waiting for a decision"] == pytest.approx(311 / 44, rel=0.01)
