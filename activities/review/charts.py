"""Charts as SVG: bars or lines, with the same in words, readable in the light and in the dark.

pygal lays them out. Its script, its style sheet and what only its script needs are left out of what it
made: nothing is loaded from elsewhere, and the bytes depend on the numbers alone. Text from outside is
escaped by the writer of the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import pygal
from pygal.style import Style
from pygal.util import compute_scale

from activities.review.drawing import only_what_is_seen
from models.incident.report import Chart, ChartKind, Series
from models.text import shorten, visible

WIDTH, HEIGHT = 560, 300
_LONGEST_LABEL, _LONGEST_TITLE = 14, 80
_FEWEST_TICKS, _MOST_TICKS = 4, 8
_MOST_DOTS = 61
"""With more points a line has none of them marked."""
_SMALLEST, _LARGEST = 1e-12, 1e15
"""Nearer to zero is zero; what is further away is not drawn."""

_LAYOUT: dict[str, Any] = {
    "width": WIDTH,
    "height": HEIGHT,
    "margin": 8,
    "js": [],
    "css": [],
    "no_prefix": True,
    "style": Style(label_font_size=12, major_label_font_size=12, legend_font_size=12, title_font_size=15),
    "legend_at_bottom": True,
    "legend_box_size": 10,
    "truncate_label": _LONGEST_LABEL,
    "truncate_legend": 32,
    "dots_size": 2.5,
    "allow_interruptions": True,
}

STYLE = """
.chart{background:#fff}
.chart text{font:12px system-ui,sans-serif;fill:#222}
.chart .title{font-size:15px;font-weight:600;text-anchor:middle}
.chart .axis.y text{text-anchor:end}
.chart .axis.x text,.chart .no_data{text-anchor:middle}
.chart .background,.chart path{fill:none}
.chart path{stroke-width:1}
.chart .axis path{stroke:#ddd}
.chart .axis.x .guide{stroke:none}
.chart .axis .major.line{stroke:#b00020;stroke-dasharray:6 4}
.chart .axis.y text.major{fill:#b00020;font-weight:600}
.chart .s0{--ink:#2f6fb0}.chart .s1{--ink:#77879a}.chart .s2{--ink:#b06a12}.chart .s3{--ink:#4c7d32}
.chart .legends rect,.chart .s rect,.chart circle{fill:var(--ink)}
.chart .s path{stroke:var(--ink);stroke-width:2}
.chart .s1 path{stroke-dasharray:8 3}.chart .s2 path{stroke-dasharray:3 3}
.chart .s3 path{stroke-dasharray:8 3 2 3}
.chart text.took{text-anchor:end}
.chart path.well{stroke:#1a6b34;stroke-width:2;stroke-dasharray:6 4}
.chart text.well{fill:#1a6b34;font-weight:600}
.chart .s path.band{fill:var(--ink);fill-opacity:.2;stroke:none}
@media screen and (prefers-color-scheme:dark){
.chart{background:#16181d}
.chart text{fill:#e6e6e6}
.chart .axis path{stroke:#3a3d44}
.chart .axis .major.line{stroke:#ff7b86}
.chart path.well{stroke:#7fd99a}.chart text.well{fill:#7fd99a}
.chart .axis.y text.major{fill:#ff7b86}
.chart .s0{--ink:#6aa9e9}.chart .s1{--ink:#8997a6}.chart .s2{--ink:#e0ad5a}.chart .s3{--ink:#92c774}
}
""".strip()
"""For all charts of a page, once."""


def svg(chart: Chart) -> str:
    """The whole file, with its style."""
    return as_file(_drawn(chart, "chart"))


def as_file(root: Element) -> str:
    """A drawing with its title and description, as a file with its style."""
    root.set("xmlns", "http://www.w3.org/2000/svg")
    style = Element("style")
    style.text = STYLE
    root.insert(2, style)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def inline(chart: Chart, key: str) -> str:
    """For a page that has `STYLE`; the key is another one for each chart of the page."""
    return ElementTree.tostring(_drawn(chart, key), encoding="unicode")


def _drawn(chart: Chart, key: str) -> Element:
    names = {"class": "chart", "role": "img", "aria-labelledby": f"{key}-title {key}-description"}
    root = Element("svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", **names})
    SubElement(root, "title", id=f"{key}-title").text = clean(chart.title, _LONGEST_TITLE)
    SubElement(root, "desc", id=f"{key}-description").text = clean(chart.says, 2000)
    if any(_to_scale(value) is not None for one in chart.series for value in one.values):
        lines = [len(_lines(chart, one)) for one in chart.series]
        root.append(only_what_is_seen(_laid_out(chart), lines, _shown_of(chart.labels)))
    else:
        middle = {"x": str(WIDTH // 2), "y": str(HEIGHT // 2), "class": "no_data"}
        SubElement(root, "text", middle).text = f"{clean(chart.title, _LONGEST_TITLE)}: no data"
    return root


def _laid_out(chart: Chart) -> Element:
    ticks = list(_ticks(chart))
    labels = [clean(one, 80) for one in chart.labels]
    unit = clean(chart.unit, 12)
    unit = f" {unit}" if chart.unit.startswith(" ") else unit
    drawing = (pygal.Line if chart.kind is ChartKind.LINE else pygal.Bar)(
        **_LAYOUT,
        title=clean(chart.title, _LONGEST_TITLE),
        formatter=lambda value: f"{_number(value)}{unit}",
        x_labels=labels,
        y_labels=[{"value": one, "label": f"{_number(one)}{unit}"} for one in ticks],
        y_labels_major=[_to_scale(chart.line)],
        show_dots=len(labels) <= _MOST_DOTS,
    )
    for one in chart.series:
        for name, values in zip((clean(one.name, 32), None, None), _lines(chart, one), strict=False):
            drawing.add(name, values)
    tree: Element = drawing.render_tree()
    return tree


def _lines(chart: Chart, one: Series) -> list[list[float | None]]:
    """The values, and after them both edges of the band where a line has one."""
    size = len(chart.labels)
    lines = [_sized(one.values, size)]
    if chart.kind is ChartKind.LINE and one.low and one.high:
        edges = zip(_sized(one.low, size), _sized(one.high, size), strict=True)
        both = [(None, None) if None in pair else pair for pair in edges]
        lines += [[low for low, _ in both], [high for _, high in both]]
    return lines


def _sized(values: Sequence[float | None], size: int) -> list[float | None]:
    """One for each label."""
    known = [_to_scale(one) for one in values[:size]]
    return known + [None] * (size - len(known))


def _to_scale(value: float | None) -> float | None:
    """None for what has no place on a sheet: infinite, not a number, or beyond all measure."""
    if value is None or not abs(value) <= _LARGEST:
        return None
    return 0.0 if abs(value) < _SMALLEST else value


def _ticks(chart: Chart) -> Iterator[float]:
    """Round numbers from the least to the most, the threshold among them, and zero where there are bars."""
    lines = [line for series in chart.series for line in _lines(chart, series)]
    values = [one for line in lines for one in line if one is not None]
    values += [0.0] if chart.kind is ChartKind.BARS else []
    threshold = _to_scale(chart.line)
    values += [] if threshold is None else [threshold]
    least, most = min(values), max(values)
    for tick in compute_scale(least, most, False, None, _FEWEST_TICKS, _MOST_TICKS):
        if threshold is None or abs(tick - threshold) > 0.06 * (most - least):
            yield tick
    if threshold is not None:
        yield threshold


def _shown_of(labels: Sequence[str]) -> int:
    """Each label, or every second, …: as many as fit beside each other."""
    longest = max((min(len(label), _LONGEST_LABEL) for label in labels), default=0)
    fit = max(1, int(0.85 * WIDTH) // (7 * longest + 8))
    return max(1, -(-len(labels) // fit))


def _number(value: float) -> str:
    """At most two decimals, more where it is small, and no `-0`."""
    digits = 2 if abs(value) >= 0.1 or value == 0 else 6
    return f"{round(value, digits) + 0.0:.{digits}f}".rstrip("0").rstrip(".")


def clean(text: str, most: int) -> str:
    """One line without what XML may not hold."""
    line = " ".join(visible(text, instead=" ").split())
    return shorten("".join(one for one in line if one not in "\ufffe\uffff"), most)
