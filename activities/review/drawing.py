"""What a reader sees of a chart that pygal laid out: without what only pygal's script would use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement

_POINT = re.compile(r"-?\d+\.\d+ -?\d+\.\d+")


def only_what_is_seen(tree: Element, lines: Sequence[int], shown_of: int) -> Element:
    """The graph; `lines` says how many lines of pygal's make up each series: three where it has a band.

    Of so many labels one is shown, for they stand beside each other.
    """
    graph = _part(tree, "graph")
    plot, overlay = _part(graph, "plot"), _part(graph, "plot overlay")
    drawn = zip(_series(plot), _series(overlay), strict=True)
    names = [text.text or "" for text in _part(graph, "legends").iter("text")]
    for place, (count, name) in enumerate(zip(lines, names, strict=True)):
        one, dots = next(drawn)
        one.set("class", f"s s{place}")
        one.extend(list(dots))
        _say(one, name)
        edges = [next(drawn)[0] for _ in range(count - 1)]
        for number, path in enumerate(_bands(*edges) if edges else ()):
            one.insert(number, path)
        for edge in edges:
            plot.remove(edge)
    axis = _part(plot, "axis x")
    for place, guide in enumerate(axis.findall("g")):
        if place % shown_of:
            axis.remove(guide)
    for part in list(graph):
        if "overlay" in part.get("class", ""):
            graph.remove(part)
    for place, box in enumerate(_part(graph, "legends").iter("rect")):
        box.set("class", f"s{place}")
    for node in graph.iter():
        node.attrib.pop("id", None)
    return graph


def _part(of: Element, name: str) -> Element:
    """The group of this class; pygal adds others to that of the graph."""
    return next(one for one in of.findall("g") if one.get("class", "").startswith(name))


def _series(plot: Element) -> list[Element]:
    return [one for one in plot.findall("g") if one.get("class", "").startswith("series ")]


def _say(series: Element, name: str) -> None:
    """Each bar and dot says itself to who points at it."""
    for mark in [one for one in series.iter("g") if one.find("desc") is not None]:
        said = {one.get("class", ""): one.text or "" for one in mark.findall("desc")}
        for desc in mark.findall("desc"):
            mark.remove(desc)
        shape = mark[0]
        shape.attrib.pop("class", None)
        SubElement(shape, "title").text = f"{name}, {said.get('x_label', '')}: {said.get('value', '')}"


def _bands(low: Element, high: Element) -> Iterator[Element]:
    """The area between two lines, for each part in which they are not interrupted."""
    for below, above in zip(low.iter("path"), high.iter("path"), strict=True):
        edge = [*_POINT.findall(above.get("d", "")), *reversed(_POINT.findall(below.get("d", "")))]
        yield Element("path", {"class": "band", "d": f"M{' L'.join(edge)} Z"})
