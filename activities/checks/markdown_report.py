"""The report of a check as a Markdown page. Text from outside goes through `said`, which escapes it."""

from __future__ import annotations

from collections.abc import Iterable

from activities.checks.comparison import said as figure_said
from activities.checks.store import Kept
from activities.checks.words import facts, title
from activities.review.markdown import link
from activities.review.report_page import chart_table
from models.checks.check import counted
from models.checks.item import Item, Table
from models.incident.report import Chart
from models.text import for_markdown as said


def markdown(kept: Kept) -> str:
    """Summary, what changed, then every item with all that it found."""
    report = kept.report
    head = f"**{report.state.symbol} {report.state}**: {said(counted(report))}"
    parts = [f"# {title(report)}", head, _list(facts(kept)), _summary(report.items)]
    parts += ["## What changed since the last report", _changes(kept), "## Items"]
    parts += [_item(item) for item in report.items]
    return "\n\n".join(parts) + "\n"


def _summary(items: Iterable[Item]) -> str:
    rows = [("Item", "State", "Found"), ("---", "---", "---")]
    rows += [(said(one.name), _state(one), said(one.found.reason)) for one in items]
    return _rows(rows)


def _changes(kept: Kept) -> str:
    if not kept.compared_with:
        return "There is no earlier report to compare with."
    return _list(f"{one.kind}: {one.says}" for one in kept.changes) or "Nothing."


def _item(item: Item) -> str:
    found = item.found
    parts = [f"### {said(item.name)}: {_state(item)}", said(found.reason)]
    if found.threshold:
        parts.append(f"Measured by: {said(found.threshold)}")
    if found.link:
        parts.append(f"See {link('more', found.link)}")
    parts.append(_list((*found.details, *(f"began {one}" for one in item.started))))
    if found.figures:
        rows = [("Figure", "Value"), ("---", "---:")]
        rows += [(said(one.name), said(figure_said(one))) for one in found.figures]
        parts.append(_rows(rows))
    parts += [_table(one) for one in found.tables]
    parts += [_chart(one) for one in found.charts]
    return "\n\n".join(part for part in parts if part)


def _table(table: Table) -> str:
    width = max((len(one) for one in (table.columns, *table.rows)), default=0)
    rows = [_padded(table.columns, width), ("---",) * width]
    rows += [_padded(one, width) for one in table.rows]
    return f"**{said(table.title)}**\n\n{_rows(rows)}"


def _padded(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    return (*(said(one) for one in cells), *("" for _ in range(width - len(cells))))


def _chart(chart: Chart) -> str:
    unit = f" ({said(chart.unit.strip())})" if chart.unit.strip() else ""
    return f"**{said(chart.title)}**{unit}: {said(chart.says)}\n\n{chart_table(chart)}"


def _state(item: Item) -> str:
    return f"{item.found.state.symbol} {item.found.state}"


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {said(text)}" for text in texts)


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
