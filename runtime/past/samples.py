"""The samples of a verification as a section of a page: a chart, a sentence, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from activities.review.charts import STYLE, inline
from activities.review.probes import Row, chart_of, rows_of
from models.evidence.evidence import Probes

CHART_STYLE = STYLE.encode()
"""The style sheet of its chart."""


class Samples(NamedTuple):
    chart: Markup
    says: str
    what: str
    """What the values of the table are."""
    rows: Sequence[Row]


def section_of(probes: Probes) -> Samples | None:
    """None where there are no samples."""
    if not probes.points:
        return None
    chart = chart_of(probes)
    drawn = Markup(inline(chart, "chart"))  # noqa: S704 — built as a tree, in which every text is escaped
    return Samples(drawn, chart.says, chart.title if probes.what else "", rows_of(probes))
