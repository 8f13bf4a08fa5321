"""Where the time of an incident went, as a chart: a bar a phase, and what was paged, asked, decided and done.

The same stands in words beside it, for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from activities.review.charts import clean
from activities.review.phases import Stretch, WhereTimeWent
from models.base import in_words, roughly
from models.incident.announcement import Occasion
from models.incident.incident import EntryKind, Performed
from models.incident.review import Doing, Review
from models.people.said import Word

TITLE = "Where the time went"
NAME = "time"
WIDTH = 640
_LEFT, _RIGHT, _TOP, _ROW = 190, 530, 48, 22
"""Of the area that has the bars, and the height of a row."""
_NARROWEST = 2.0
_LONGEST = 120
_MOST_TICKS = 6
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(one * _MINUTE for one in (1, 2, 5, 10, 15, 30)),
    *(one * _HOUR for one in (1, 2, 4, 6, 12)),
    *(one * _DAY for one in (1, 2, 5, 10, 20, 50, 100, 200)),
)
_PEOPLE = (Doing.DECISION, Doing.NOBODY, Doing.PERSON)
_WAITS = (Doing.COMING_IN, Doing.WATCHING, Doing.OTHER, Doing.PAUSED, Doing.UNKNOWN)


class Lane(StrEnum):
    """What is marked below the bars."""

    PAGED = "paged"
    ASKED = "asked for a decision"
    DECIDED = "decided"
    DONE = "done"


class Mark(NamedTuple):
    """One thing that happened, in seconds after the alert began; an action lasts."""

    lane: Lane
    begins: float
    ends: float
    says: str


def marks(review: Review, went: WhereTimeWent) -> list[Mark]:
    """In the order of time."""
    return sorted(_marks(review, went), key=lambda one: one.begins)


def _marks(review: Review, went: WhereTimeWent) -> Iterator[Mark]:
    for entry in review.timeline:
        at = went.second(entry.at)
        if entry.sent and entry.sent.occasion is Occasion.PAGE:
            yield Mark(Lane.PAGED, at, at, f"paged {entry.sent.role}")
        elif entry.asked:
            yield Mark(Lane.ASKED, at, at, f"asked: {'; or '.join(entry.asked.values())}")
        elif entry.said and entry.said.decides:
            did = "approved" if entry.said.word is Word.APPROVE else "denied"
            yield Mark(Lane.DECIDED, at, at, f"{did} by {entry.by}")
        elif entry.kind is EntryKind.EXPIRED:
            yield Mark(Lane.DECIDED, at, at, "nobody decided in time")
    for done in review.performed:
        begins, ends = went.second(done.started_at), went.second(done.finished_at)
        yield Mark(Lane.DONE, begins, ends, _did(done))


def _did(performed: Performed) -> str:
    if performed.dry_run:
        return f"dry run, not done: {performed.plan.says}"
    return performed.plan.says if performed.done else f"tried, and not done: {performed.plan.says}"


def in_order(review: Review, went: WhereTimeWent) -> list[tuple[timedelta, str]]:
    """All that the chart shows, each with when it began."""
    said = [(one.begins, f"{one.doing}, for {in_words(one.took)}") for one in went.stretches]
    for one in marks(review, went):
        lasts = f", for {in_words(timedelta(seconds=one.ends - one.begins))}" if one.ends > one.begins else ""
        said.append((one.begins, f"{one.says}{lasts}"))
    if went.well is not None:
        said.append((went.well, "well again"))
    said.sort(key=lambda one: one[0])
    return [(timedelta(seconds=at), clean(says, _LONGEST)) for at, says in said]


def drawn(review: Review, went: WhereTimeWent, key: str) -> Element:
    """The key names it among the charts of a page."""
    marked = marks(review, went)
    doings = list(went.by_phase())
    lanes = [lane for lane in Lane if any(one.lane is lane for one in marked)]
    bottom = _TOP + _ROW * (len(doings) + len(lanes))
    names = {"class": "chart", "role": "img", "aria-labelledby": f"{key}-title {key}-description"}
    root = Element("svg", {"viewBox": f"0 0 {WIDTH} {bottom + 28}", **names})
    SubElement(root, "title", id=f"{key}-title").text = TITLE
    SubElement(root, "desc", id=f"{key}-description").text = in_a_sentence(went)
    _text(root, WIDTH / 2, 18, TITLE, "title")
    scale = (_RIGHT - _LEFT) / max(1, went.whole)
    _axis(root, went, scale, bottom)
    for row, doing in enumerate(doings):
        took, _ = went.by_phase()[doing]
        of_it = [one for one in went.stretches if one.doing is doing]
        _bars(_row(root, row, doing, in_words(took), _ink(doing)), row, of_it, scale)
    for row, lane in enumerate(lanes, len(doings)):
        in_lane = [one for one in marked if one.lane is lane]
        times = "once" if len(in_lane) == 1 else f"{len(in_lane)} times"
        _points(_row(root, row, lane, times, "s3"), row, in_lane, scale)
    return root


def in_a_sentence(went: WhereTimeWent) -> str:
    """What the bars show."""
    parts = (f"{doing} {in_words(took)}" for doing, (took, _) in went.by_phase().items())
    return f"{in_words(timedelta(seconds=went.whole))} from the alert to the end: {', '.join(parts)}."


def _ink(doing: Doing) -> str:
    """The product's own work, people, and what else is waited for, each in a colour."""
    return "s2" if doing in _PEOPLE else "s1" if doing in _WAITS else "s0"


def _row(root: Element, row: int, label: str, took: str, ink: str) -> Element:
    _text(root, 8, _TOP + _ROW * row + 15, label)
    _text(root, WIDTH - 8, _TOP + _ROW * row + 15, took, "took")
    return SubElement(root, "g", {"class": f"s {ink}"})


def _bars(row: Element, place: int, stretches: Iterable[Stretch], scale: float) -> None:
    for one in stretches:
        says = f"{one.doing}: {in_words(one.took)}, from {_after(one.begins)} to {_after(one.ends)}"
        _bar(row, place, one.begins, one.ends, scale, says)


def _points(row: Element, place: int, marked: Iterable[Mark], scale: float) -> None:
    for one in marked:
        says = clean(f"{one.says}, {_after(one.begins)}", _LONGEST)
        if one.lane is Lane.DONE:
            _bar(row, place, one.begins, one.ends, scale, says)
            continue
        at = {"cx": _number(_LEFT + one.begins * scale), "cy": _number(_TOP + _ROW * place + 11)}
        SubElement(SubElement(row, "circle", {**at, "r": "4"}), "title").text = says


def _bar(row: Element, place: int, begins: float, ends: float, scale: float, says: str) -> None:
    width = max(_NARROWEST, (ends - begins) * scale)
    left = min(_LEFT + begins * scale, _RIGHT - width)
    where = {"x": _number(left), "y": _number(_TOP + _ROW * place + 4)}
    rect = SubElement(row, "rect", {**where, "width": _number(width), "height": str(_ROW - 8)})
    SubElement(rect, "title").text = says


def _axis(root: Element, went: WhereTimeWent, scale: float, bottom: int) -> None:
    axis = SubElement(root, "g", {"class": "axis x"})
    step = next((one for one in _STEPS if went.whole / one <= _MOST_TICKS), int(went.whole))
    for second in range(0, int(went.whole) + 1, step):
        at = _LEFT + second * scale
        SubElement(axis, "path", {"d": f"M{_number(at)} {_TOP} V{bottom}"})
        _text(axis, at, bottom + 18, roughly(timedelta(seconds=second)) if second else "alert")
    if went.well is not None:
        at = _LEFT + went.well * scale
        SubElement(root, "path", {"class": "well", "d": f"M{_number(at)} {_TOP - 6} V{bottom}"})
        left = at > (_LEFT + _RIGHT) / 2
        says = f"well again after {in_words(timedelta(seconds=went.well))}"
        _text(root, at + (4 if left else -4), _TOP - 10, says, "well took" if left else "well")


def _text(parent: Element, x: float, y: float, says: str, name: str = "") -> None:
    where = {"x": _number(x), "y": _number(y)}
    SubElement(parent, "text", {**where, "class": name} if name else where).text = says


def _after(second: float) -> str:
    return f"T+{in_words(timedelta(seconds=second))}"


def _number(value: float) -> str:
    """At most one decimal, and none that depends on the machine."""
    return f"{value:.1f}".removesuffix(".0")
