"""The post-incident review as a Markdown page.

The sections stand here in the order of the page. Text from outside goes through `said`, which
escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from activities.review.dry_run_section import dry_run_section
from activities.review.facts.closing import closed_by, who_closed
from activities.review.facts.done_section import done_section
from activities.review.facts.found_section import found_section
from activities.review.facts.order import in_order
from activities.review.facts.sentences import Sentences
from activities.review.facts.this_time import older_than_its_alert
from activities.review.facts.why_section import why_section
from activities.review.file_name import file_name
from activities.review.left_to_do import NOT_PROVED, left_to_do
from activities.review.markdown import fenced, link
from activities.review.phases import WhereTimeWent
from activities.review.probes import UNNAMED, chart_of
from activities.review.report_page import CHOICES, chart_file, report_section
from activities.review.summary_section import summary_section
from activities.review.time_chart import NAME, TITLE, in_a_sentence
from models.base import in_words
from models.incident.incident import Entry, EntryKind, Outcome
from models.incident.review import Review
from models.text import for_markdown as said

_NOTHING = "Nothing."
_TEN, _MINUTE = 10, 60
"""Seconds."""


def page(review: Review) -> str:
    """The whole review, or its short form for alerts that are not critical."""
    review = in_order(review)
    words = Sentences(review)
    sections = [_head(review), _section("Summary", summary_section(review, words)), time_section(review)]
    if review.alert.words:
        sections.append(_section("What the alert says", "\n\n".join(map(said, review.alert.words.values()))))
    if review.report:
        sections.append(_section("Report", report_section(review.report, file_name(review), CHOICES)))
    sections += [
        _section("What was found", found_section(review, words)),
        _section("Why this cause", why_section(review, words)),
        *([_section("Dry run", dry_run_section(review.dry_run, review.handed_to))] if review.dry_run else []),
        _section("What was done", done_section(review, words)),
        *([_section("Before and after", _probes(review))] if review.probes.points else []),
        _section("What people did and said", _people(review, words)),
        _section("Timeline", _lines(review.timeline, words) or _NOTHING),
        _section("Times", _times(review)),
    ]
    if review.did_not_help:
        sections.append(_section("What was tried and did not help", _list(review.did_not_help, words)))
    if not_told := [one for one in review.timeline if one.kind is EntryKind.NOT_TOLD]:
        sections.append(_section("Channels that failed", _lines(not_told, words)))
    if review.remarks:
        sections.append(_section("Remarks", _list(review.remarks, words)))
    sections.append(_section("What is left to do", left_to_do(review)))
    if review.links:
        sections.append(_section("Links", "\n".join(f"- {link(*item)}" for item in review.links.items())))
    if review.log_tail and not review.short:
        sections.append(_section("The end of the log", fenced(review.log_tail)))
    return "\n\n".join(sections) + "\n"


def time_section(review: Review) -> str:
    """Where the time went: in a sentence, a row a phase, and the chart beside the page."""
    went = WhereTimeWent(review)
    lines = [" ".join(_time_in_short(review, went))]
    if went.whole:
        lines += [_time_table(went), f"![{said(f'{TITLE}: {in_a_sentence(went)}')}]({time_file(review)})"]
    if _TEN <= went.whole < _MINUTE:
        lines.insert(2, "To the whole second: what took less is counted with what came before or after it.")
    return _section(TITLE, "\n\n".join(lines))


def time_file(review: Review) -> str:
    """The name of its chart, beside the page."""
    return f"{file_name(review)}-{NAME}.svg"


def _time_in_short(review: Review, went: WhereTimeWent) -> Iterator[str]:
    whole = in_words(timedelta(seconds=went.whole))
    until = went.whole if went.well is None else went.well
    if not went.whole:
        yield "It was over within a second."
        return
    if went.well is None:
        did = "cancelled" if review.outcome is Outcome.CANCELLED else "closed"
        who = said("A person" if closed_by(review) is None else who_closed(review))
        yield f"{who} {did} it after **{whole}**; that it was well again was not proved."
    elif went.well < went.whole:
        well = in_words(timedelta(seconds=went.well))
        yield f"It was well again after **{well}**, and closed after {whole}."
    else:
        yield f"It was well again, and closed, after **{whole}**."
    doing, (_, longest) = max(went.by_phase().items(), key=lambda one: one[1][1])
    if longest:
        of = f"{in_words(longest)} of {in_words(timedelta(seconds=until))}"
        start = "Until it was well, the" if until < went.whole else "The"
        yield f"{start} longest was **{doing}**: {of}."
    if not went.recorded:
        yield "An earlier version led it: the phases are read from its timeline."


def _time_table(went: WhereTimeWent) -> str:
    """Every phase in the order in which it came, and the whole."""
    rows = [(str(doing), *took) for doing, took in went.by_phase().items()]
    well = went.whole if went.well is None else went.well
    whole = (timedelta(seconds=went.whole), timedelta(seconds=well))
    head = ["Phase", "How long"]
    columns = 2
    if well < went.whole:
        head.append("Until it was well")
        columns = 3
    lines = [head, ["---"] * columns]
    lines += [[doing, *map(in_words, took)][:columns] for doing, *took in (*rows, ("**whole**", *whole))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _head(review: Review) -> str:
    facts = (
        f"**{said(review.outcome.value)}** after {in_words(review.resolved_after)}",
        review.severity.value,
        f"T is {_stamp(review.began_at)}, when the alert began",
        f"runbook {said(review.runbook)}",
        f"run {said(review.run_id)}",
    )
    return f"# Post-incident review: {said(review.incident)}\n\n{' · '.join(facts)}"


def _times(review: Review) -> str:
    older = said(older_than_its_alert(review))
    lines = [f"- Detected {in_words(review.detected_after)} after the alert began{older}."]
    if review.responded_after is not None:
        against = _against(review.responded_after, review.respond_within)
        lines.append(f"- A person responded after {in_words(review.responded_after)}: {against}.")
    elif review.resolved_after <= review.respond_within:
        deadline = in_words(review.respond_within)
        lines.append(f"- Nobody responded, and nobody had to: it was over before the deadline of {deadline}.")
    else:
        lines.append(f"- Nobody responded; the deadline was {in_words(review.respond_within)}.")
    if review.acted_after is not None:
        lines.append(f"- The first action began after {in_words(review.acted_after)}.")
    return "\n".join((*lines, f"- {_ended(review)}"))


def _ended(review: Review) -> str:
    """When it was well again; where a person closed it, only when that was."""
    took = in_words(review.resolved_after)
    if review.outcome in NOT_PROVED:
        by = said(who_closed(review))
        return f"Closed by {by} after {took}; that it was well again was not proved."
    return f"Well again after {took}: {_against(review.resolved_after, review.respond_within)}."


def _against(took: timedelta, deadline: timedelta) -> str:
    if took <= deadline:
        return f"within the deadline of {in_words(deadline)}"
    return f"{in_words(took - deadline)} past the deadline of {in_words(deadline)}"


def _probes(review: Review) -> str:
    """The samples of the verification: in a sentence, and as a chart beside the page."""
    chart = chart_of(review.probes)
    image = f"![{said(chart.title)}]({chart_file(file_name(review), chart)})"
    by = "" if chart.title == UNNAMED else ", by the samples of the verification"
    return f"{said(chart.title)}{by}: {said(chart.says)}\n\n{image}"


def _people(review: Review, words: Sentences) -> str:
    people = (one for one in review.timeline if one.of_a_person)
    return _lines(people, words) or "Nothing that anybody did or said was written to this incident."


def _lines(entries: Iterable[Entry], words: Sentences) -> str:
    return "\n".join(f"- {words.when(one.at)}: {said(words.of(one))}" for one in entries)


def _list(texts: Iterable[str], words: Sentences) -> str:
    return "\n".join(f"- {said(words.sentence(words.plainly(text)))}" for text in texts)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
