"""The review's page: what it says, and that nothing from outside becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from activities.review.markdown import fenced, link
from activities.review.page import page
from models.actions.approved_by import REVERTED
from models.actions.plan import Plan
from models.actions.service import RaiseMemoryLimit, RestartService, StartService
from models.evidence.evidence import Finding, Probe, Probes
from models.evidence.logged import LoggedError
from models.incident.alert import Alert
from models.incident.announcement import Occasion, Sent
from models.incident.incident import Entry, EntryKind, EvidenceLine, Outcome, Performed, Through
from models.incident.review import Began, Doing, Review
from models.names import Severity
from models.people.said import Said, Word
from models.service.service import DockerManager, Service
from models.text import for_markdown as said

BEGAN = datetime(2026, 11, 23, 3, 15, 2, tzinfo=UTC)
PAGED = Sent(occasion=Occasion.PAGE, role="on-call", through=("log",), title="critical: ServiceDown/backend")
GOLDEN = Path(__file__).with_name("review_page.md")
BACKEND = Service(name="backend", manager=DockerManager(container="ai-affiliate-backend"))
MIB = 2**20


def after(seconds: int) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def by_a_person(
    seconds: int, did: Said, by: str = "alice@example.com", through: Through = Through.INTAKE
) -> Entry:
    return Entry(at=after(seconds), text=did.line, by=by, through=through, said=did)


VERIFIED = Probes(
    began_at=BEGAN + timedelta(seconds=100),
    what="time to answer",
    unit="ms",
    points=(
        Probe(0.0, Finding.BAD),
        Probe(5.0, Finding.OK, 41.2),
        Probe(10.0, Finding.OK, 12.5),
        Probe(15.0, Finding.UNKNOWN),
        Probe(20.0, Finding.OK, 13.0),
    ),
    newest=1,
    before=Probe(-95.0, Finding.BAD, 2300.0),
)


PHASES = {
    4: Doing.CHECKING,
    5: Doing.DIAGNOSING,
    31: Doing.DECISION,
    75: Doing.ACTING,
    89: Doing.VERIFYING,
    400: Doing.ENDED,
}


def out_of_memory() -> Review:
    raised = RaiseMemoryLimit(service=BACKEND, from_bytes=512 * MIB, to_bytes=768 * MIB)
    plan = Plan(steps=(raised, StartService(service=BACKEND)), why="killed at its memory limit")
    return Review(
        incident="ServiceDown/backend",
        run_id="019ac1b2-0000-7000-8000-00001a2b3c4d",
        runbook="ServiceDown",
        alert=Alert(
            name="ServiceDown",
            service="backend",
            starts_at=BEGAN,
            annotations={
                "summary": "The backend is down",
                "description": "No answer for 30 s.\nSee /health.",
            },
        ),
        severity=Severity.CRITICAL,
        outcome=Outcome.RESOLVED,
        summary="backend ran out of memory. Its limit was raised to 768 MiB, and it is healthy again.",
        cause="out of memory",
        why_cause="the kernel killed its main process for memory, or a heap message in its log",
        also_seen=("crash",),
        ruled_out=("network (a connection works)",),
        evidence=(
            EvidenceLine(
                name="health",
                finding="bad",
                reason="connection refused at http://localhost:3000/health",
                at=after(5),
            ),
            EvidenceLine(name="process", finding="bad", reason="killed for memory, 12 s ago"),
            EvidenceLine(name="host", finding="unknown", reason="the host could not be asked within 3 s"),
        ),
        performed=(
            Performed(
                plan=Plan(steps=(RestartService(service=BACKEND),), why="it does not answer"),
                approved_by="",
                done=False,
                found="refused: maintenance until 03:20 UTC",
                started_at=after(20),
                finished_at=after(20),
            ),
            Performed(
                plan=plan,
                approved_by="alice@example.com",
                done=True,
                found="running since 03:16:30 UTC with a limit of 768 MiB",
                started_at=after(80),
                finished_at=after(89),
            ),
        ),
        did_not_help=("restart backend: it was refused",),
        remarks=("Alertmanager still called it firing 6 min after the recovery.",),
        timeline=(
            Entry(at=after(4), text="ServiceDown fired"),
            Entry(
                at=after(5),
                text="confirmed: connection refused at http://localhost:3000/health",
                kind=EntryKind.CONFIRMED,
            ),
            Entry(at=after(6), text="page to on-call through log: critical: ServiceDown/backend", sent=PAGED),
            Entry(at=after(6), text="not delivered through pagerduty: HTTP 503", kind=EntryKind.NOT_TOLD),
            by_a_person(30, Said(word=Word.ACKNOWLEDGE, text="on my way")),
            Entry(
                at=after(31),
                text=f"asks for approval of plan {plan.digest}: {plan.says}",
                asked={plan.digest: plan.says},
            ),
            by_a_person(75, Said(word=Word.APPROVE, about=f"plan {plan.digest}", text="go on", decides=True)),
            by_a_person(76, Said(word=Word.NOTE, text="looking into it"), by="", through=Through.TEMPORAL_UI),
            Entry(at=after(400), text="verification: healthy for 5 min", kind=EntryKind.VERIFIED),
        ),
        phases=tuple(Began(at=after(seconds), doing=doing) for seconds, doing in PHASES.items()),
        began_at=BEGAN,
        detected_after=timedelta(seconds=4),
        responded_after=timedelta(seconds=30),
        acted_after=timedelta(seconds=20),
        resolved_after=timedelta(seconds=400),
        respond_within=timedelta(minutes=5),
        links={"Workflow": "http://localhost:8233/namespaces/default/workflows/ServiceDown%2Fbackend"},
        log_tail=("FATAL ERROR: heap out of memory", "```", "<b>bold</b> *not*"),
        probes=VERIFIED,
    )


def html(markdown: str) -> str:
    """As a reader of CommonMark with raw HTML and GitHub's tables sees it."""
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


def test_the_page_of_a_review_is_the_golden_one() -> None:
    assert page(out_of_memory()) == GOLDEN.read_text(encoding="utf-8")


def test_the_same_review_makes_the_same_page() -> None:
    assert page(out_of_memory()) == page(out_of_memory().model_copy(deep=True))


def test_the_short_form_keeps_what_a_reader_must_know() -> None:
    short = page(out_of_memory().model_copy(update={"short": True}))
    kept_all = ("## Summary", "## Times", "## What was done", "## Timeline", "killed for memory, 12 s ago")
    for kept in (*kept_all, "The backend is down", "Alertmanager still called it firing"):
        assert kept in short
    for left_out in ("### Prevent", "### Share", "## The end of the log"):
        assert left_out not in short


def test_an_incident_that_nobody_touched_says_so() -> None:
    quiet = {"performed": (), "did_not_help": (), "remarks": (), "timeline": (), "responded_after": None}
    text = page(out_of_memory().model_copy(update=quiet))
    assert "## What was done\n\nNothing was changed." in text
    assert "Nobody responded; the deadline was 5 min" in text


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "](http://evil.example) [click me](javascript:alert(1))",
    "![pixel](http://evil.example/pixel.png)",
    "ok\n\n# Approved by everybody\n- [x] done",
    "```\n# out",
    "**bold** _slanted_ ~~gone~~ `code` | a | b |",
    "&lt;b&gt; &#60;b&#62;",
    "1. first",
    "1) first",
    "> quoted",
    "+ item",
    "---",
    "a\\",
    "\u202egnp.exe \x1b[31mred\x1b[0m \x00",
    "\u2028# heading",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_words_from_outside_stay_words(text: str) -> None:
    everywhere = out_of_memory().model_copy(
        update={
            "summary": text,
            "cause": text,
            "also_seen": (text,),
            "evidence": (EvidenceLine(name=text, finding=text, reason=text),),
            "did_not_help": (text,),
            "remarks": (text,),
            "alert": out_of_memory().alert.model_copy(update={"annotations": {"summary": text}}),
            "why_cause": text,
            "ruled_out": (text,),
            "timeline": (
                Entry(at=BEGAN, text=text, by=text, kind=EntryKind.NOT_TOLD),
                Entry(at=BEGAN, text=text, by=text, through=Through.INTAKE),
            ),
            "links": {text: text},
            "log_tail": (text, *text.splitlines()),
            "performed": tuple(
                done.model_copy(update={"found": text, "approved_by": text})
                for done in out_of_memory().performed
            ),
        }
    )
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page(everywhere))
    inline = [token for block in tokens for token in (block.children or ())]
    headings = [token for token in tokens if token.type == "heading_open"]
    plain = MarkdownIt("commonmark").parse(page(out_of_memory()))
    assert len(headings) == len([token for token in plain if token.type == "heading_open"])
    assert not [token for token in (*tokens, *inline) if token.type in ("html_block", "html_inline")]
    pictures = [token.attrs["src"] for token in inline if token.type == "image"]
    name = "ServiceDown-backend-20261123T031502Z-1a2b3c4d"
    assert pictures == [f"{name}-time.svg", f"{name}-samples.svg"], "ours alone"
    assert not [token for token in (*tokens, *inline) if token.type in ("link_open", "s_open")]
    assert len([token for token in tokens if token.type == "table_open"]) == 1
    assert len([token for token in tokens if token.type in ("fence", "code_block")]) == 1


@given(st.text(max_size=60))
@example("1. a")
@example("_a_")
@example("a_b_")
@example("\\")
def test_any_text_reads_as_itself(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(said(text))
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    inline = [token for block in tokens for token in (block.children or ())]
    assert {token.type for token in inline} <= {"text", "text_special"}


@given(st.lists(st.text(alphabet="`~ab \t\n\r<>", max_size=12), max_size=5))
def test_no_log_breaks_out_of_its_fence(lines: list[str]) -> None:
    tokens = MarkdownIt("commonmark").parse(fenced(lines) + "\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


def test_only_addresses_of_the_web_become_links() -> None:
    assert (
        link("Logs", "https://logs.example/q?a=b&c=(d)") == "[Logs](<https://logs.example/q?a=b&c=%28d%29>)"
    )
    assert link("Logs", "javascript:alert(1)") == "Logs: javascript:alert(1)"
    assert "<script" not in html(link("Logs", "https://x.example/><script>alert(1)</script>"))
    assert "<script" not in html(link("Logs", "http://[bad><script>"))


def test_who_reads_the_page_needs_no_digest_and_no_box_that_the_page_answers() -> None:
    text = page(out_of_memory())
    assert all(one.plan.digest not in text for one in out_of_memory().performed)
    assert "through the workflow" not in text
    for answered in ("Timeline of events", "Actions taken", "Resolution time", "Runbook with new issue"):
        assert f"- [ ] {answered}" not in text
        assert f"- {answered}: " in text


def test_what_the_page_cannot_answer_stays_a_box() -> None:
    nothing = {"cause": "unknown", "why_cause": "", "evidence": (), "timeline": ()}
    text = page(out_of_memory().model_copy(update={**nothing, "outcome": Outcome.CLOSED_BY_HUMAN}))
    for box in (
        "Root cause analysis",
        "Write down what the person who closed it did",
        "Runbook with new issue",
    ):
        assert f"- [ ] {box}: " in text


def test_who_closed_it_proved_nothing() -> None:
    text = page(out_of_memory().model_copy(update={"outcome": Outcome.CLOSED_BY_HUMAN}))
    assert "- Closed by a person after 6 min 40 s; that it was well again was not proved." in text
    assert "- Resolution time: not known; a person closed it after 6 min 40 s." in text


def test_the_last_error_of_the_log_is_named_and_left_to_look_into() -> None:
    tail = ("INFO up", "TypeError: no 'price' in <b>this</b>", "INFO 200 GET /health")
    text = page(out_of_memory().model_copy(update={"log_tail": tail}))
    assert "The last error in its log (its time is not known): TypeError: no 'price'" in text
    assert "<b>" not in html(text)
    assert "- [ ] Find the reason of the last error in its log: TypeError: no 'price'" in text
    assert "last error" not in page(out_of_memory().model_copy(update={"log_tail": tail[:1]}))


@pytest.mark.parametrize(
    ("seconds", "told", "left"),
    [
        (2, "The last error in its log, T+2 s (03:15:04): TypeError: no &lt;price&gt;", "log: TypeError"),
        (
            -90,
            "The last error in its log, 1 min 30 s before the alert began (2026-11-23 03:13:32 UTC): ",
            "log: TypeError",
        ),
        (
            -3600,
            "The last error in its log is from before the incident, 1 h before the alert began"
            " (2026-11-23 02:15:02 UTC): TypeError: no &lt;price&gt;",
            "log, from before the incident: TypeError",
        ),
    ],
)
def test_the_last_error_is_told_with_its_time(seconds: int, told: str, left: str) -> None:
    error = LoggedError(text="TypeError: no <price>", at=BEGAN + timedelta(seconds=seconds))
    review = out_of_memory().model_copy(
        update={"last_error": error, "log_tail": (error.text,), "evidence": ()}
    )
    text = page(review)
    assert told in text
    assert f"- [ ] Find the reason of the last error in its {left}" in text
    assert ("Improve observability: only its log told" in text) is (seconds > -3600)


def test_what_does_not_apply_here_is_no_gap_and_was_not_found() -> None:
    seen = EvidenceLine(name="health", finding="ok", reason="it answers")
    networks = EvidenceLine(name="networks", finding="unknown", reason="it has none", applies=False)
    text = page(out_of_memory().model_copy(update={"evidence": (seen, networks), "log_tail": ()}))
    assert "networks" not in text
    assert "- Monitoring coverage gaps: none, the last reading of all of 1 look had an answer." in text
    assert "- Improve observability: nothing that was looked for was missing." in text


def test_an_error_that_no_pattern_knows_is_left_to_observe() -> None:
    seen = EvidenceLine(name="logs", finding="ok", reason="none of `logs.patterns` matches")
    review = out_of_memory().model_copy(update={"evidence": (seen,), "log_tail": ("TypeError: no 'price'",)})
    assert "- [ ] Improve observability: only its log told of an error" in page(review)


def test_what_is_reverted_was_approved_by_nobody() -> None:
    (first, *_) = out_of_memory().performed
    reverted = first.model_copy(update={"approved_by": REVERTED})
    text = page(out_of_memory().model_copy(update={"performed": (reverted,)}))
    assert "carried out by the runbook by itself, which reverts what was temporary" in text


def test_a_decision_on_a_plan_that_was_not_carried_out_names_it_by_what_it_does() -> None:
    says = "kill process 77 (thief)"
    kill = Entry(
        at=BEGAN, text=f"asks for approval of plan 0a1b2c3d4e5f: {says}", asked={"0a1b2c3d4e5f": says}
    )
    did = Said(word=Word.DENY, about="plan 0a1b2c3d4e5f", text="ours")
    denied = by_a_person(9, did, "bob", Through.COMMAND)
    text = page(out_of_memory().model_copy(update={"timeline": (kill, denied)}))
    assert "bob (through the command line) denied “kill process 77 (thief)”: ours." in text


def test_a_line_of_an_older_version_is_shown_as_it_was_written() -> None:
    old = Entry(at=BEGAN, text="page to on-call through log: critical: ServiceDown/backend")
    text = page(out_of_memory().model_copy(update={"timeline": (old,)}))
    assert "Page to on-call through log: critical: ServiceDown/backend." in text


def test_what_people_wrote_is_never_taken_for_what_happened() -> None:
    """A wording is known by what its line is about, not by how it begins."""
    note = by_a_person(0, Said(word=Word.NOTE, text="cause: nobody knows"), by="bob")
    about = Said(word=Word.DONE, text="deny of it did not count (it was late)")
    own = Entry(at=BEGAN, text="resolved to do it through hard work: yes")
    text = page(out_of_memory().model_copy(update={"timeline": (note, by_a_person(0, about, "eve"), own)}))
    assert "bob (through the intake) wrote: cause: nobody knows." in text
    assert "eve (through the intake) said that it is done: deny of it did not count (it was late)." in text
    assert "Resolved to do it through hard work: yes." in text


def test_each_word_of_a_person_is_a_sentence() -> None:
    """Also a refused one, which says what was sent and why it did not count."""
    words = tuple(by_a_person(0, Said(word=word), by="bob") for word in Word)
    late = by_a_person(0, Said(word=Word.APPROVE, refused="bob decided already", text="go on"), by="ada")
    text = page(out_of_memory().model_copy(update={"timeline": (*words, late)}))
    for did in ("acknowledged it.", "sent an empty note.", "asked to look and act again.", "cancelled it."):
        assert f"bob (through the intake) {did}" in text
    assert (
        "ada (through the intake) sent “approve”, which did not count (bob decided already): go on." in text
    )


def test_a_message_that_came_late_says_how_late() -> None:
    late = PAGED.model_copy(update={"late": timedelta(minutes=2), "through": ("mail", "log")})
    line = Entry(at=after(130), text="page to on-call", sent=late)
    text = page(out_of_memory().model_copy(update={"timeline": (line,)}))
    assert "Paged on-call through mail, log, 2 min after the first try." in text


def test_what_failed_and_what_nobody_saw_recover_is_left_to_do() -> None:
    failed = out_of_memory().performed[0].model_copy(update={"done": False, "found": "permission denied"})
    taken = {"performed": (failed,), "outcome": Outcome.CLOSED_BY_HUMAN}
    text = page(out_of_memory().model_copy(update=taken))
    assert f"- [ ] Mend what kept “{failed.plan.says}” from working: permission denied" in text
    assert "- [ ] See that it is well: it was closed by a person, and no recovery was proved" in text
    assert "- [ ] Out of memory: find out what needs the memory" in text
    assert "only delays it; the runbook changed nothing" in text


def test_nobody_had_to_respond_to_what_was_over_in_time() -> None:
    quick = {"responded_after": None, "resolved_after": timedelta(seconds=8)}
    assert "- Nobody responded, and nobody had to" in page(out_of_memory().model_copy(update=quick))
    slow = {"responded_after": None, "resolved_after": timedelta(minutes=8)}
    assert "- Nobody responded; the deadline was 5 min." in page(out_of_memory().model_copy(update=slow))
