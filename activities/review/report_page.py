"""A report as a Markdown page, or as a section of the review. Text from outside goes through `said`."""

from __future__ import annotations

from typing import NamedTuple

from models.incident.report import Chart, Report
from models.text import for_markdown as said


class ToDo(NamedTuple):
    """How what may be done next is listed."""

    head: str
    bullet: str


BOXES = ToDo("What may be done next:", "- [ ]")
"""On its own, to be ticked."""
CHOICES = ToDo("What the runbook suggests in general, to choose from; what is open work stands below:", "-")
"""In a review, whose boxes are open work."""


def report_page(report: Report, file: str) -> str:
    """The page that people are sent before there is a review."""
    return f"# {said(report.title)}\n\n{report_section(report, file, BOXES)}\n"


def report_section(report: Report, file: str, to_do: ToDo) -> str:
    """Sentences, charts each with its numbers, and what may be done."""
    parts = ["\n\n".join(said(one) for one in report.paragraphs)]
    parts += [_chart(chart, file) for chart in report.charts]
    if report.to_do:
        parts.append("\n".join((to_do.head, "", *(f"{to_do.bullet} {said(one)}" for one in report.to_do))))
    return "\n\n".join(parts)


def chart_file(file: str, chart: Chart) -> str:
    """`RevenueDeclining-backend-…-days.svg`, beside the page."""
    return f"{file}-{chart.name}.svg"


def _chart(chart: Chart, file: str) -> str:
    """The image, the same in words, and its numbers as a table."""
    image = f"![{said(chart.title)}: {said(chart.says)}]({chart_file(file, chart)})"
    unit = f" ({said(chart.unit.strip())})" if chart.unit.strip() else ""
    return f"**{said(chart.title)}**{unit}: {said(chart.says)}\n\n{image}\n\n{chart_table(chart)}"


def chart_table(chart: Chart) -> str:
    """Its numbers, a row for each label."""
    head = ["", *(said(one.name) for one in chart.series)]
    rows = [head, ["---"] * len(head)]
    for place, label in enumerate(chart.labels):
        values = (one.values[place] if place < len(one.values) else None for one in chart.series)
        rows.append([said(label), *("unknown" if one is None else f"{one:,.2f}" for one in values)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
