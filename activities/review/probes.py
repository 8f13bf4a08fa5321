"""The samples of a verification for people: as a chart, in a sentence, and as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from functools import partial
from statistics import median
from typing import NamedTuple

from models.base import in_number, in_words
from models.evidence.evidence import Finding, Probe, Probes
from models.incident.report import Chart, ChartKind, Series

UNNAMED = "Samples of the verification"
"""The title where nothing is measured but whether it is well."""

NAMES = {Finding.OK: "well", Finding.UNKNOWN: "not seen", Finding.BAD: "not well"}


class Row(NamedTuple):
    """One line of the table."""

    when: str
    finding: Finding
    says: str
    value: str


def chart_of(probes: Probes) -> Chart:
    """What was seen before comes first; what has no number leaves a gap."""
    return Chart(
        name="samples",
        kind=ChartKind.LINE,
        title=probes.what.capitalize() or UNNAMED,
        says=in_a_sentence(probes),
        labels=tuple(_clock(probes, one) for one in _all(probes)),
        series=tuple(_series(probes)),
        unit=f" {probes.unit}" if probes.unit else "",
    )


def _series(probes: Probes) -> Iterator[Series]:
    """Each finding in a colour of its own, the same ones in every chart."""

    def those(name: str, which: Callable[[Probe], bool]) -> Series:
        values = (_height(probes, one) if which(one) else None for one in _all(probes))
        return Series(name=name, values=tuple(values))

    for finding, name in NAMES.items():
        yield those(name, partial(_is_after, finding))
    if probes.before:
        yield those("before", lambda one: one.after < 0)


def _all(probes: Probes) -> tuple[Probe, ...]:
    return (probes.before, *probes.points) if probes.before else probes.points


def _is_after(finding: Finding, probe: Probe) -> bool:
    return probe.after >= 0 and probe.finding is finding


def _height(probes: Probes, probe: Probe) -> float | None:
    if probe.value is not None or probes.what:
        return probe.value
    return 1.0 if probe.finding is Finding.OK else 0.0


def in_a_sentence(probes: Probes) -> str:
    """What the chart shows, for who cannot see it."""
    if not probes.points:
        return "No sample was taken."
    after = [one.value for one in probes.points if one.value is not None and one.finding is Finding.OK]
    bad = sum(one.finding is Finding.BAD for one in probes.points)
    unseen = sum(one.finding is Finding.UNKNOWN for one in probes.points)
    first, last = probes.points[0], probes.points[-1]
    span = f"{_clock(probes, first)} to {_clock(probes, last)} UTC"
    parts = [f"{in_number(len(probes.points), 'sample')} from {span}: {_how_many(bad, unseen)}"]
    if probes.each > 1:
        parts.append(f"each is the worst of {probes.each} that were taken")
    if probes.before:
        ago = in_words(probes.at(first) - probes.at(probes.before))
        was = f"{_value(probes, probes.before)}, {NAMES[probes.before.finding]}"
        parts.append(f"{ago} before the first: {was}")
    if after:
        low, middle, high = (_number(probes, one) for one in (min(after), median(after), max(after)))
        parts.append(f"while it was well: {low} to {high}, median {middle}")
    if probes.what and any(one.value is None for one in probes.points):
        parts.append("a sample without a number leaves a gap in the chart")
    if not probes.what:
        parts.append("in the chart, 1 stands for well and 0 for not well")
    return f"{'; '.join(parts)}."


def _how_many(bad: int, unseen: int) -> str:
    if not bad and not unseen:
        return "all well"
    return ", ".join(
        f"{number} {says}" for number, says in ((bad, "not well"), (unseen, "without an answer")) if number
    )


def rows_of(probes: Probes) -> list[Row]:
    """The table, in the order of time."""
    return [
        Row(
            _clock(probes, one),
            one.finding,
            f"{'before: ' if one.after < 0 else ''}{NAMES[one.finding]}",
            _value(probes, one),
        )
        for one in _all(probes)
    ]


def _clock(probes: Probes, probe: Probe) -> str:
    return f"{probes.at(probe).astimezone(UTC):%H:%M:%S}"


def _value(probes: Probes, probe: Probe) -> str:
    return "no number" if probe.value is None else _number(probes, probe.value)


def _number(probes: Probes, value: float) -> str:
    digits = f"{value:,.1f}".removesuffix(".0")
    return f"{digits} {probes.unit}".rstrip()
