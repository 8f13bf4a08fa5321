"""The report of a check as one HTML page that loads nothing: not a font, not a script, not an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jinja2 import FileSystemLoader
from markupsafe import Markup

from activities.checks.comparison import number, said
from activities.checks.store import Kept
from activities.checks.words import facts, title
from activities.review.charts import STYLE, inline
from activities.review.markdown import is_web
from models.checks.check import counted
from models.checks.item import Item, ItemState
from models.html import templates
from models.incident.report import Chart

_CHART_STYLE = Markup(STYLE)  # noqa: S704 — a constant of ours
_URGENT = (ItemState.BAD, ItemState.UNKNOWN, ItemState.ATTENTION)
_TEMPLATES = templates(FileSystemLoader(Path(__file__).with_name("templates")))


def page(kept: Kept) -> str:
    """The whole page."""
    report = kept.report
    return _TEMPLATES.get_template("report.html").render(
        report=report,
        kept=kept,
        title=title(report),
        facts=facts(kept),
        counted=counted(report),
        urgent=[one for state in _URGENT for one in numbered(report.items) if one[1].found.state is state],
        items=list(numbered(report.items)),
        said=said,
        is_web=is_web,
        chart_style=_CHART_STYLE,
        drawn=_drawn,
        number=number,
    )


def numbered(items: Iterable[Item]) -> Iterable[tuple[str, Item]]:
    """Each with the anchor of its section."""
    return ((f"item-{place}", one) for place, one in enumerate(items, 1))


def _drawn(chart: Chart, key: str) -> Markup:
    return Markup(inline(chart, key))  # noqa: S704 — built as a tree, in which every text is escaped
