"""What an incident leaves open stands first in what is left to do: each as a box."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pkgutil import iter_modules

import pytest

from activities.review.facts.causes import NOTHING_LEFT, UNMENDED
from activities.review.facts.open_work import open_work
from activities.review.page import page
from models.actions.application import PauseSchedule, SyncProducts, UnpauseSchedule
from models.actions.change import Change
from models.actions.endpoints import DisableEndpoint, ReopenEndpoint
from models.actions.plan import Plan
from models.actions.service import RestartService, RollBack
from models.actions.videos import RaiseBudget
from models.evidence.logged import LoggedError
from models.incident.incident import EvidenceLine, Outcome, Performed
from models.incident.review import Review
from models.people.said import Said, Word
from tests.unit.activities.test_review_page import BACKEND, after, by_a_person, out_of_memory
from workflows import runbooks
from workflows.diagnosis.causes import Cause

PAUSE = PauseSchedule(service=BACKEND, schedule="generate-speech", because="too often")
UNPAUSE = UnpauseSchedule(service=BACKEND, schedule="generate-speech")
ROLL_BACK = RollBack(service=BACKEND, from_version="shop:2", to_version="shop:1")
DISABLE = DisableEndpoint(service=BACKEND, path="/api/x", at_most=timedelta(hours=1))
REOPEN = ReopenEndpoint(service=BACKEND, path="/api/x", from_="disable")
BUDGET = RaiseBudget(service=BACKEND, from_dollars=50, to_dollars=75, until=after(3600))
RUNNING = EvidenceLine(name="process", finding="ok", reason="running for 34 min, healthy", at=after(5))


def performed(*steps: Change, at: int = 80) -> Performed:
    return Performed(
        plan=Plan(steps=steps, why="it helps"),
        approved_by="alice@example.com",
        done=True,
        found="as it should be",
        started_at=after(at),
        finished_at=after(at + 1),
    )


def left(cause: str, *done: Performed, **more: object) -> list[str]:
    """The first boxes of its open work: what the incident itself leaves, without the lists for the team."""
    review = out_of_memory().model_copy(update={"cause": cause, "performed": done, **more})
    before, _, rest = page(review).partition("### Open work\n\n")
    boxes, _, after_it = rest.partition("\n\n")
    lines = boxes.splitlines()
    assert all(one.startswith("- [ ] ") for one in lines)
    assert "- [ ]" not in before + after_it, "a box stands nowhere else"
    return [one.removeprefix("- [ ] ") for one in lines[: len(open_work(review))]]


def test_what_stays_in_place_is_left_to_undo() -> None:
    assert left("over already", performed(PAUSE)) == [
        "The schedule generate-speech starts nothing until it is unpaused: "
        "unpause it when its cause is mended"
    ]
    assert left("over already", performed(ROLL_BACK)) == [
        "Fix what shop:2 brought, before it is deployed again"
    ]
    by_script = ROLL_BACK.model_copy(update={"from_version": "", "to_version": None})
    assert left("over already", performed(by_script)) == [
        "Fix what the version that ran until then (which one that was, is not known) brought, "
        "before it is deployed again"
    ]
    (box,) = left("over already", performed(DISABLE))
    assert "was not reverted, as far as is known: see to it; nobody is served by /api/x" in box
    (box,) = left("over already", performed(BUDGET))
    assert "was not reverted" in box


def test_what_a_paused_schedule_had_started_is_left_to_see_to() -> None:
    looked = EvidenceLine(name="open_executions", finding="ok", reason="3 workflows are open", at=after(5))
    _, box = left("over already", performed(PAUSE), evidence=(looked,))
    assert box == (
        "See that what was open at the pause comes to its end: it goes on, and was not read again "
        "(3 workflows are open)"
    )
    none = looked.model_copy(update={"reason": "0 workflows are open, and none is known to be stuck"})
    assert len(left("over already", performed(PAUSE), evidence=(none,))) == 1
    again = looked.model_copy(update={"at": after(95)})
    assert len(left("over already", performed(PAUSE), evidence=(again,))) == 1


def test_a_crash_a_rollback_and_the_error_of_it_are_one_box() -> None:
    error = LoggedError(text="TypeError: no price", at=after(-1))
    assert left("crash loop", performed(ROLL_BACK), last_error=error) == [
        "Crash loop (the last error in its log: TypeError: no price): find out why it crashes, "
        "and mend that, before shop:2 is deployed again"
    ]
    crashed = out_of_memory().model_copy(update={"cause": "crash loop", "last_error": error})
    assert "Find the reason of the last error" not in page(crashed)
    old = crashed.model_copy(update={"last_error": LoggedError(text="TypeError", at=after(-3600))})
    assert "Find the reason of the last error" in page(old), "it tells of something else"


def test_an_error_that_named_the_cause_is_no_second_thing_to_look_into() -> None:
    error = LoggedError(text="ERROR 429: you ask for too much", at=after(-1))
    logs = EvidenceLine(name="logs", finding="ok", reason=f"none; the last error: {error.text}", at=after(5))
    limited = {"cause": "rate limit", "last_error": error, "evidence": (logs,)}
    review = out_of_memory().model_copy(update=limited)
    assert "Find the reason of the last error" in page(review)
    pointed = review.model_copy(update={"pointing": f"logs: the last error: {error.text}"})
    assert "Find the reason of the last error" not in page(pointed)


def test_what_was_taken_back_is_not() -> None:
    assert left("over already", performed(PAUSE), performed(UNPAUSE, at=90)) == []
    assert left("over already", performed(DISABLE), performed(REOPEN, at=90)) == []


def test_a_pause_of_somebody_else_that_was_ended_is_told_and_one_of_our_own_is_not() -> None:
    paused = UNPAUSE.model_copy(update={"note": "the marketplace moves"})
    assert left("over already", performed(paused)) == [
        "The schedule generate-speech was paused (with the note: the marketplace moves), and this incident "
        "ended that pause: tell that to the person who paused it, and ask why; to undo it: pause "
        "generate-speech again"
    ]
    ours = UNPAUSE.model_copy(update={"note": PAUSE.note})
    assert left("over already", performed(ours)) == []


def test_a_sync_of_fewer_products_leaves_the_others() -> None:
    fewer = SyncProducts(service=BACKEND, asked_with={"limit": 5})
    assert left("over already", performed(fewer)) == [
        "It was only asked to sync the products of backend with limit 5: see that a whole sync follows"
    ]
    assert left("over already", performed(SyncProducts(service=BACKEND))) == []
    count = EvidenceLine(name="product_count", finding="ok", reason="there are 12 products", at=after(5))
    both = performed(fewer).model_copy(
        update={"found": "loop is unpaused, and runs next at 2026-11-28 01:00:00 UTC; answered 202"}
    )
    assert left("over already", both, evidence=(count,)) == [
        "It was only asked to sync the products of backend with limit 5, of 12 products, and nothing is "
        "proved of the others: see that a whole sync follows; loop runs next at 2026-11-28 01:00:00 UTC"
    ]


def test_a_loop_is_told_by_what_points_to_it() -> None:
    looks = (
        EvidenceLine(name="starts", finding="bad", reason="GenerateSpeech (5)", at=after(5)),
        EvidenceLine(name="open_executions", finding="ok", reason="none is stuck", at=after(5)),
        EvidenceLine(name="retries", finding="ok", reason="no line tells of retries", at=after(5)),
    )
    (box,) = left("retry loop", evidence=looks, pointing="starts: GenerateSpeech (5)")
    assert box == "Retry loop (GenerateSpeech (5)): find out why it is started so often, and bound that"
    (box,) = left("retry loop", evidence=looks, pointing="open_executions: 1 is stuck")
    assert box.endswith("find out why it is tried again and again, and bound that")
    (box,) = left("retry loop", evidence=looks, pointing="starts: too many; retries: 9 lines")
    assert box.endswith("so often, and why what is started retries its calls, and bound that")


def test_what_was_only_recorded_stays_nowhere() -> None:
    recorded = performed(PAUSE).model_copy(update={"dry_run": True})
    assert left("over already", recorded) == []


def test_a_leak_is_no_less_there_after_a_restart() -> None:
    restarted = performed(RestartService(service=BACKEND))
    assert left("memory leak", restarted, evidence=(RUNNING,)) == [
        "Memory leak: the leak is still there: profile its memory, and find it; "
        "expect it again after about 34 min, as long as it had run when it was seen"
    ]
    text = page(out_of_memory().model_copy(update={"cause": "memory leak", "performed": (restarted,)}))
    assert "- Root cause analysis: memory leak, as above: it is not closed, see the open work." in text


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("crash loop", "find out why it crashes"),
        ("retry loop", "find out why it is started so often, or tried again and again"),
        ("out of memory", "a higher limit or a restart only delays it"),
        ("invalid credentials", "warn before it expires"),
        ("a cause of tomorrow", "find out how it came about, and mend that"),
    ],
)
def test_a_cause_that_was_treated_is_left_to_mend(cause: str, says: str) -> None:
    (box,) = left(cause, performed(RestartService(service=BACKEND)))
    assert box.startswith(f"{cause[0].upper()}{cause[1:]}")
    assert says in box


def test_what_is_to_be_found_out_quotes_what_was_seen() -> None:
    fell = EvidenceLine(name="platforms", finding="bad", reason="youtube 19.70, from 194.00", at=after(5))
    ended = {"evidence": (fell,), "outcome": Outcome.CLOSED_BY_HUMAN}
    assert left("one platform fell", **ended) == [
        "One platform fell (youtube 19.70, from 194.00): find out why this platform fell: "
        "its account, its API, its algorithm, its links; the runbook changed nothing"
    ]
    said = by_a_person(30, Said(word=Word.DONE, text="new key"), by="lena")
    (box,) = left("one platform fell", **ended, timeline=(said,))
    assert box.endswith("the runbook changed nothing, lena said that it is done")


def test_an_unknown_cause_is_looked_for_already() -> None:
    review: Review = out_of_memory().model_copy(update={"cause": "unknown", "performed": ()})
    assert open_work(review) == []
    assert "- [ ] Root cause analysis: no cause was found" in page(review)
    assert "- [ ] Root cause analysis: no cause was found" in page(review)


def test_each_cause_that_is_named_here_is_one_of_a_runbook() -> None:
    found: set[str] = set()
    for module in iter_modules(runbooks.__path__, f"{runbooks.__name__}."):
        values = vars(import_module(module.name)).values()
        some = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
        found |= {one.name for one in some if isinstance(one, Cause)}
    assert not {*UNMENDED, *NOTHING_LEFT} - found
