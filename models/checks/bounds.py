"""How much of a report travels: a payload of Temporal has at most 2 MB, and a person reads less.

What is cut is counted, so that nobody takes the rest for the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from models.checks.item import WORST_FIRST, Item, ItemResult, Table, worst
from models.text import shorten

LONGEST_REASON = 600
LONGEST_LINE = 400
LONGEST_CELL = 200
"""Characters."""
MOST_DETAILS = 40
MOST_TABLES = 6
MOST_ROWS = 60
MOST_COLUMNS = 12
MOST_FIGURES = 60
MOST_CHARTS = 6
MOST_SERVICES = 200

REPORT_LIMIT = 450_000
"""Bytes of all items as JSON: the server warns of payloads over 512 KB, and refuses those over 2 MB."""
LEFT_OUT = "left out"
"""The name of the item that counts those for which there is no room."""

T = TypeVar("T")


def bounded(found: ItemResult) -> ItemResult:
    """At most so much of each part."""
    return found.model_copy(
        update={
            "reason": shorten(found.reason, LONGEST_REASON),
            "threshold": shorten(found.threshold, LONGEST_LINE),
            "details": _lines(found.details),
            "figures": found.figures[:MOST_FIGURES],
            "tables": tuple(_table(one) for one in found.tables[:MOST_TABLES]),
            "charts": found.charts[:MOST_CHARTS],
            "services": found.services[:MOST_SERVICES],
        }
    )


def fitting(items: Sequence[Item], limit: int = REPORT_LIMIT) -> tuple[Item, ...]:
    """As many items as `limit` bytes hold, in their order: the worst keep their details the longest."""
    kept = list(items)
    sizes = [_size(one) for one in kept]
    for place in _least_important_first(kept):
        if sum(sizes) <= limit:
            return tuple(kept)
        kept[place] = _in_short(kept[place])
        sizes[place] = _size(kept[place])
    room, dropped = limit, set[int]()
    for place in reversed(_least_important_first(kept)):
        if sizes[place] > room:
            dropped.add(place)
        else:
            room -= sizes[place]
    if not dropped:
        return tuple(kept)
    rest = tuple(one for place, one in enumerate(kept) if place not in dropped)
    return (*rest, _counted([kept[place] for place in sorted(dropped)]))


def _lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(shorten(one, LONGEST_LINE) for one in _first(lines, MOST_DETAILS)) + _rest(
        lines, MOST_DETAILS
    )


def _table(table: Table) -> Table:
    columns = table.columns[:MOST_COLUMNS]
    rows = [tuple(shorten(cell, LONGEST_CELL) for cell in row[: len(columns)]) for row in table.rows]
    more = [(words, *[""] * (len(columns) - 1)) for words in _rest(table.rows, MOST_ROWS) if columns]
    return Table(
        title=shorten(table.title, LONGEST_CELL), columns=columns, rows=(*_first(rows, MOST_ROWS), *more)
    )


def _first(values: Sequence[T], most: int) -> Sequence[T]:
    """One less than `most` where there are more: the last line counts the others."""
    return values if len(values) <= most else values[: most - 1]


def _rest(values: Sequence[object], most: int) -> tuple[str, ...]:
    return () if len(values) <= most else (f"and {len(values) - most + 1} more",)


def _least_important_first(items: Sequence[Item]) -> list[int]:
    return sorted(range(len(items)), key=lambda place: (-WORST_FIRST.index(items[place].found.state), -place))


def _in_short(item: Item) -> Item:
    left = ("the details are left out, for the report would be too long",)
    short = item.found.model_copy(
        update={"reason": shorten(item.found.reason, 200), "details": left, "tables": (), "charts": ()}
    )
    return item.model_copy(update={"found": short})


def _counted(dropped: Sequence[Item]) -> Item:
    counts = Counter(one.found.state for one in dropped)
    said = ", ".join(f"{counts[state]} {state.value}" for state in WORST_FIRST if counts[state])
    reason = f"{len(dropped)} items are left out, for the report would be too long: {said}"
    return Item(name=LEFT_OUT, found=ItemResult(state=worst(dropped), reason=reason))


def _size(item: Item) -> int:
    return len(item.model_dump_json().encode()) + 1
