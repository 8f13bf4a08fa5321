"""Charts as SVG: bars, with their title and the same in words, readable in the light and in the dark.

The bytes depend on the numbers alone, nothing is loaded from elsewhere, and text from outside is escaped.
An image in a page knows no colour of that page: it follows the reader's own choice of light or dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, log10
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from models.incident.report import Chart
from models.text import shorten, visible

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 56, 48
_MOST_TICKS = 5
_LONGEST_LABEL, _LONGEST_TITLE = 14, 80

_STYLE = """
svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#222}.grid{stroke:#ddd}.line{stroke:#b00020}
.s0{fill:#2f6fb0}.s1{fill:#a8b7c7}.s2{fill:#c98a2b}.s3{fill:#6b9e4f}
@media (prefers-color-scheme:dark){svg{background:#16181d}text{fill:#e6e6e6}.grid{stroke:#3a3d44}
.line{stroke:#ff7b86}.s0{fill:#6aa9e9}.s1{fill:#66727f}.s2{fill:#e0ad5a}.s3{fill:#92c774}}
""".strip()


def svg(chart: Chart) -> str:
    """The whole file."""
    box = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {HEIGHT}"}
    root = Element("svg", {**box, "role": "img", "aria-labelledby": "title description"})
    SubElement(root, "title", id="title").text = _clean(chart.title, _LONGEST_TITLE)
    SubElement(root, "desc", id="description").text = _clean(chart.says, 2000)
    SubElement(root, "style").text = _STYLE
    _text(root, _LEFT, 22, chart.title, _LONGEST_TITLE, **{"font-size": "15", "font-weight": "600"})
    scale = _Scale(chart)
    _grid(root, scale, chart.unit)
    _legend(root, chart)
    _bars(root, chart, scale)
    if chart.line is not None:
        y = scale.y(chart.line)
        SubElement(root, "line", {**_across(y), "class": "line", "stroke-dasharray": "6 4"})
    return ElementTree.tostring(root, encoding="unicode") + "\n"


class _Scale:
    """Where a value stands: round numbers from the least to the most, and zero among them."""

    def __init__(self, chart: Chart) -> None:
        known = [value for one in chart.series for value in one.values if value is not None]
        values = [0.0, *known, *([chart.line] if chart.line is not None else [])]
        least, most = min(values), max(values)
        self.step = _round((most - least) / _MOST_TICKS or 1.0)
        self._low, self._high = floor(least / self.step), -floor(-most / self.step) or 1

    def ticks(self) -> Iterator[float]:
        return (number * self.step for number in range(self._low, self._high + 1))

    def y(self, value: float) -> float:
        share = (value / self.step - self._low) / (self._high - self._low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _round(step: float) -> float:
    """The next of 1, 2, 5, 10, …"""
    power = 10.0 ** floor(log10(step))
    return next(one * power for one in (1, 2, 5, 10) if one * power >= step * 0.999)


def _grid(root: Element, scale: _Scale, unit: str) -> None:
    for tick in scale.ticks():
        y = scale.y(tick)
        SubElement(root, "line", {**_across(y), "class": "grid"})
        _text(root, _LEFT - 6, y + 4, f"{_number(tick)}{unit}", 10, **{"text-anchor": "end"})


def _legend(root: Element, chart: Chart) -> None:
    x = float(_LEFT)
    for place, one in enumerate(chart.series):
        box = {"x": _number(x), "y": "33", "width": "10", "height": "10"}
        SubElement(root, "rect", {**box, "class": f"s{place}"})
        name = _clean(one.name, 32)
        _text(root, x + 14, 42, name, 32)
        x += 30 + 7 * len(name)


def _bars(root: Element, chart: Chart, scale: _Scale) -> None:
    room = (WIDTH - _LEFT - _RIGHT) / max(len(chart.labels), 1)
    each = 0.8 * room / max(len(chart.series), 1)
    for place, label in enumerate(chart.labels):
        left = _LEFT + place * room
        for number, one in enumerate(chart.series):
            value = one.values[place] if place < len(one.values) else None
            if value is None:
                continue
            ends = sorted((scale.y(value), scale.y(0)))
            box = {
                "class": f"s{number}",
                "x": _number(left + 0.1 * room + number * each),
                "y": _number(ends[0]),
                "width": _number(0.92 * each),
                "height": _number(max(ends[1] - ends[0], 0.5)),
            }
            bar = SubElement(root, "rect", box)
            said = f"{one.name}, {label}: {_number(value)}{chart.unit}"
            SubElement(bar, "title").text = _clean(said, 120)
        if _is_shown(place, chart.labels):
            _text(root, left + room / 2, HEIGHT - 24, label, _LONGEST_LABEL, **{"text-anchor": "middle"})


def _is_shown(place: int, labels: Sequence[str]) -> bool:
    """As many labels as fit beside each other."""
    longest = max(min(len(label), _LONGEST_LABEL) for label in labels)
    fit = max(1, (WIDTH - _LEFT - _RIGHT) // (7 * longest + 8))
    return place % -(-len(labels) // fit) == 0


def _text(root: Element, x: float, y: float, said: str, most: int, **more: str) -> None:
    SubElement(root, "text", {"x": _number(x), "y": _number(y), **more}).text = _clean(said, most)


def _across(y: float) -> dict[str, str]:
    return {"x1": str(_LEFT), "x2": str(WIDTH - _RIGHT), "y1": _number(y), "y2": _number(y)}


def _number(value: float) -> str:
    """At most two decimals, and no `-0`."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _clean(text: str, most: int) -> str:
    """One line without what XML may not hold."""
    line = " ".join(visible(text, instead=" ").split())
    return shorten("".join(one for one in line if one not in "\ufffe\uffff"), most)
