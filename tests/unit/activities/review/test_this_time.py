"""What a reader must not take for over, or for explained, though the incident is."""

from __future__ import annotations

import pytest

from activities.review.facts.done_section import NO_DEPLOYMENT
from activities.review.page import page
from models.actions.approved_by import by_policy
from models.actions.plan import Plan
from models.actions.service import RestartService, RollBack
from models.evidence.logged import LoggedError
from models.incident.incident import Entry, EntryKind, EvidenceLine, Outcome, Performed
from models.incident.report import Report
from tests.unit.activities.test_review_page import BACKEND, after, out_of_memory

RUNNING = EvidenceLine(name="process", finding="ok", reason="running for 35 s, healthy", at=after(5))
PROVED = Entry(at=after(100), text="verification: healthy", kind=EntryKind.VERIFIED)
ROLL_BACK = RollBack(service=BACKEND, from_version="", to_version=None)
CRASHED = "it crashed 3 times within 1 h, at 03:14:40, 03:14:50, 03:15:20 UTC"


def done(step: RestartService | RollBack, why: str = "it helps", by: str = "anna") -> Performed:
    return Performed(
        plan=Plan(steps=(step,), why=why),
        approved_by=by,
        done=True,
        found="as it should be",
        started_at=after(80),
        finished_at=after(81),
    )


def section(title: str, **changes: object) -> str:
    text = page(out_of_memory().model_copy(update={"timeline": (PROVED,), **changes}))
    return text.partition(f"## {title}\n\n")[2].partition("\n## ")[0]


def test_what_comes_back_is_told_first() -> None:
    leak = {
        "cause": "memory leak",
        "performed": (done(RestartService(service=BACKEND)),),
        "evidence": (RUNNING,),
    }
    assert (
        "Resolved means that what the alert tells of was seen to be over, until T+1 min 40 s (03:16:42). "
        "Its cause, memory leak, is not mended: expect it again after about 35 s, as long as it had run when "
        "it was seen."
    ) in section("Summary", **leak)
    nothing_proved = {**leak, "outcome": Outcome.CLOSED_BY_HUMAN}
    assert "Resolved means" not in section("Summary", **nothing_proved)
    assert "expect it again" not in section("Summary", **{**leak, "cause": "crash"})


def test_a_crash_loop_is_told_with_its_crashes() -> None:
    loop = {"cause": "crash loop", "performed": (done(ROLL_BACK, f"exited; {CRASHED}; more"),)}
    assert f"**Why:** Crash loop ({CRASHED})" in section("Summary", **loop)
    assert CRASHED not in section("Summary", **{**loop, "cause": "crash"})


@pytest.mark.parametrize(("watched", "told"), [(81 + 29, True), (81 + 30, False)])
def test_a_watch_that_is_shorter_than_the_time_between_crashes_proves_little(
    watched: int, told: bool
) -> None:
    proof = PROVED.model_copy(update={"at": after(watched)})
    watch = {"performed": (done(ROLL_BACK, f"exited; {CRASHED}; more"),), "timeline": (proof,)}
    too_short = "and up to 30 s lay between its crashes before: that is too short to tell that it is over."
    assert (too_short in section("Summary", **watch)) is told
    assert ("- [ ] See whether it still runs" in section("What is left to do", **watch)) is told


def test_crashes_around_midnight_are_seconds_apart() -> None:
    why = "it crashed 2 times within 1 h, at 23:59:50, 00:00:10 UTC"
    assert "up to 20 s lay between" in section("Summary", performed=(done(ROLL_BACK, why),))


@pytest.mark.parametrize("at", ["99:00:00, 00:00:10", "soon", "", ", ,", "23:59:50"])
def test_words_that_only_look_like_crashes_or_durations_break_no_review(at: str) -> None:
    why = f"it crashed 2 times within 1 h, at {at} UTC"
    true = Entry(
        at=after(5), text="confirmed: 1.2.3 h 9999999 s . s ago, more than .. s", kind=EntryKind.CONFIRMED
    )
    told = {"performed": (done(ROLL_BACK, why),), "timeline": (true, PROVED)}
    assert "lay between" not in section("Summary", **told)
    assert "older" not in section("Times", **told)


@pytest.mark.parametrize("none", NO_DEPLOYMENT)
def test_a_rollback_without_a_known_deployment_says_why_all_the_same(none: str) -> None:
    why = f"{CRASHED}; {none}"
    text = section("What was done", performed=(done(ROLL_BACK, why),))
    assert (
        "   - No deployment is recorded. It is rolled back all the same, for it crashed again after it was"
        in text
    )
    assert "the runbook cannot undo it: the later version comes back only when it is deployed again" in text
    assert "cannot be undone" not in text
    known = section("What was done", performed=(done(ROLL_BACK, "recent deployments: shop:2"),))
    assert "rolled back all the same" not in known


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (
            by_policy("guarded at critical"),
            "its risk is guarded, and at severity critical that is done without asking: "
            "no person approved it",
        ),
        (by_policy("guarded, urgent"), "the configuration allows it (guarded, urgent)"),
    ],
)
def test_what_nobody_approved_says_why_it_was_allowed(by: str, told: str) -> None:
    text = section("What was done", performed=(done(RestartService(service=BACKEND), by=by),))
    assert f"carried out by the runbook by itself: {told}, at T+1 min 20 s" in text


LOOKS = ("starts", "open_executions", "retries")


@pytest.mark.parametrize(
    ("pointing", "told"),
    [
        (
            "starts: 5; retries: 9",
            ": the loop is in the starts, which are too many, and no workflow is known to be tried again "
            "and again; what is started retries its calls as well, by its log.",
        ),
        (
            "open_executions: 1",
            ": it is the retries that are too many, and nothing is known to be started too often.",
        ),
        ("starts: 5; open_executions: 1", ": both the starts and the retries are too many."),
        ("retries: 9", ": only its log tells of retries."),
        ("", "."),
    ],
)
def test_a_loop_says_which_of_the_two_it_is(pointing: str, told: str) -> None:
    seen = tuple(EvidenceLine(name=one, finding="bad", reason=one, at=after(5)) for one in LOOKS)
    why = section("Why this cause", cause="retry loop", pointing=pointing, evidence=seen)
    assert why.splitlines()[0] == f"The cause is **retry loop**{told}"


def test_a_cause_that_names_a_place_says_that_the_reason_is_not_known() -> None:
    why = section("Why this cause", cause="one platform fell")
    assert "**one platform fell**: why it fell is not known: its account, API, algorithm and links" in why


def test_the_summary_names_the_place_that_the_cause_does_not() -> None:
    fell = EvidenceLine(name="platforms", finding="bad", reason="youtube 19.70, -90%", at=after(5))
    summary = section("Summary", cause="one platform fell", evidence=(fell,))
    assert "**Why:** One platform fell (youtube 19.70, -90%; why it fell is not known" in summary


def test_the_summary_says_by_what_it_was_well_and_what_still_was_not() -> None:
    costs = EvidenceLine(name="costs", finding="bad", reason="over the budget", at=after(90))
    summary = section("Summary", evidence=(costs,), performed=(done(RestartService(service=BACKEND)),))
    assert "it was well again: healthy." in summary
    assert "see whether costs becomes ok: it was bad when it was last read: over the budget." in summary


def test_the_summary_says_what_is_not_ruled_out_and_what_nobody_wrote() -> None:
    host = EvidenceLine(name="host", finding="unknown", reason="no answer", at=after(5))
    summary = section("Summary", evidence=(host,), performed=(), outcome=Outcome.CLOSED_BY_HUMAN)
    assert "Nothing sure came from host: a cause that would show there is not ruled out." in summary
    assert "the runbook changed nothing; a person closed it, and wrote nothing of what was done" in summary
    assert "Nothing sure" not in section("Summary", evidence=(RUNNING,))


def test_a_log_that_matches_no_pattern_says_that_its_error_counts_all_the_same() -> None:
    reason = "none of `logs.patterns` matches the 2 lines since its last start; the last error: TypeError"
    logs = EvidenceLine(name="logs", finding="ok", reason=reason, at=after(5))
    told = section("What was found", evidence=(logs,))
    assert "; ok says only that no pattern matches: that error is told below" in told
    pointed = section("What was found", evidence=(logs,), pointing="logs: the last error: TypeError")
    assert "; ok says only that no pattern matches: that error points to the cause" in pointed
    quiet = logs.model_copy(update={"reason": "none of `logs.patterns` matches the 2 lines"})
    assert "ok says only" not in section("What was found", evidence=(quiet,))


def test_an_error_of_an_earlier_run_is_told_as_that() -> None:
    quiet = "none of `logs.patterns` matches the 2 lines since its last start"
    logs = EvidenceLine(name="logs", finding="ok", reason=quiet, at=after(5))
    error = LoggedError(text="TypeError", at=after(-40))
    why = section("Why this cause", evidence=(logs,), last_error=error)
    assert "The last error in its log, of a run before its last start, 40 s before the alert began" in why
    after_the_restart = logs.model_copy(update={"at": after(95)})
    acted = {"evidence": (after_the_restart,), "last_error": error}
    assert "of a run before" not in section("Why this cause", **acted), "that start may be the repair"


def test_a_trouble_that_is_older_than_its_alert_says_so() -> None:
    true = "confirmed: the products were last synced 3 h ago, more than 1 h"
    confirmed = Entry(at=after(5), text=true, kind=EntryKind.CONFIRMED)
    assert (
        "- Detected 4 s after the alert began; the trouble is older, by 2 h (the products were last synced "
        "3 h ago, more than 1 h): why it was told only then is not known."
    ) in section("Times", timeline=(confirmed,))
    assert "- Detected 4 s after the alert began.\n" in section("Times")
    soon = confirmed.model_copy(update={"text": true.replace("3 h ago", "1 h 10 min 0.5 s ago")})
    assert "- Detected 4 s after the alert began.\n" in section("Times", timeline=(soon,))


def test_what_may_be_done_next_is_no_box_in_a_review() -> None:
    report = Report(title="Revenue", paragraphs=("It fell.",), to_do=("Kill products",))
    told = section("Report", report=report)
    assert told.endswith("to choose from; what is open work stands below:\n\n- Kill products\n")


def test_the_summary_answers_whom_it_hurts_and_what_is_left() -> None:
    text = section("Summary", hurts="users, who get errors")
    assert "- **Whom it hurts:** Users, who get errors. So says the runbook" in text
    assert "- **What was done, and by whom:** " in text
    boxes = section("What is left to do").count("- [ ] ")
    assert f"- **What is left:** {boxes} tasks, each a box under “Open work”." in text
    assert "Whom it hurts" not in section("Summary")


def test_what_is_measured_is_told_apart_from_what_is_inferred() -> None:
    told = {"cause": "memory leak", "pointing": "process: running for 35 s, healthy", "evidence": (RUNNING,)}
    why = section("Why this cause", not_if="it has just started", **told)
    assert "Measured and inferred: process, and what the alert tells of, are measured, each by itself." in why
    assert "What would contradict it: it has just started; nothing of that was seen." in why
    assert "What would contradict it" not in section("Why this cause", **told), "an older run kept none"


def test_trouble_that_is_older_than_its_alert_is_a_task() -> None:
    text = "confirmed: the products were last synced 3 h ago, more than 1 h"
    true = Entry(at=after(5), text=text, kind=EntryKind.CONFIRMED)
    left = section("What is left to do", timeline=(true, PROVED))
    assert "- [ ] Alert thresholds: the trouble is older, by 2 h" in left
