"""What changed since the last report of the same check."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import isclose, isfinite

from models.base import Model, in_bytes
from models.checks.check import Change, ChangeKind, CheckReport
from models.checks.item import Figure, Item, ItemState

MOVED = 0.1
"""A figure has moved when it differs by more than this share of the larger of the two."""
MOST_MOVED = 20
LARGE = 1e15
"""From here on only the first digits are said."""


class PastFound(Model):
    """What a later report reads of an item."""

    state: ItemState
    figures: tuple[Figure, ...] = ()


class PastItem(Model):
    """An item of a report that was written before, by this version or by another."""

    name: str
    found: PastFound


class Past(Model):
    """The last report, as far as it is compared."""

    began_at: datetime
    items: tuple[PastItem, ...]


def changes(last: Past, now: CheckReport) -> tuple[Change, ...]:
    """The worst first: items that turned worse, new ones, better ones, those that are gone, figures."""
    before = {one.name: one.found for one in last.items}
    found = [change for item in now.items for change in _of_item(item, before.get(item.name))]
    found += _gone(last, now)
    order = list(ChangeKind)
    ranked = sorted(found, key=lambda one: order.index(one.kind))
    moved = sum(one.kind is ChangeKind.MOVED for one in ranked)
    return tuple(ranked[: len(ranked) - max(moved - MOST_MOVED, 0)])


def _of_item(item: Item, before: PastFound | None) -> Iterator[Change]:
    state, name = item.found.state, item.name
    if before is None:
        yield Change(kind=ChangeKind.NEW, item=name, says=f"{name} is new: {state}")
        return
    if state is not before.state:
        better = state is ItemState.OK or (before.state, state) == (ItemState.BAD, ItemState.ATTENTION)
        kind = ChangeKind.BETTER if better else ChangeKind.WORSE  # not to see it any more is no progress
        yield Change(kind=kind, item=name, says=f"{name} was {before.state} and is {state}")
    if state is ItemState.UNKNOWN:
        return  # that its figures are not known is no further change
    figures = {one.name: one for one in before.figures}
    for figure in item.found.figures:
        if (last := figures.get(figure.name)) and _moved(last.value, figure.value):
            says = f"{figure.name} of {name} was {said(last)} and is {said(figure)}"
            yield Change(kind=ChangeKind.MOVED, item=name, says=says)


def _gone(last: Past, now: CheckReport) -> Iterator[Change]:
    names = {one.name for one in now.items}
    for one in last.items:
        if one.name not in names:
            says = f"{one.name} is not part of this check any more; it was {one.found.state}"
            yield Change(kind=ChangeKind.GONE, item=one.name, says=says)


def _moved(before: float | None, now: float | None) -> bool:
    known = [one for one in (before, now) if one is not None and isfinite(one)]
    return len(known) == 1 or (len(known) == 2 and not isclose(*known, rel_tol=MOVED))


def said(figure: Figure) -> str:
    """`1,234.50 USD`, `1.5 GiB`, or `unknown`."""
    if figure.unit.strip() == "B" and figure.value is not None and 0 <= figure.value < LARGE:
        return in_bytes(round(figure.value))
    amount = number(figure.value)
    return amount if amount == "unknown" else f"{amount} {figure.unit.strip()}".strip()


def number(value: float | None) -> str:
    """As many digits as tell something."""
    if value is None or not isfinite(value):
        return "unknown"
    if abs(value) >= LARGE:
        return f"{value:.3g}"
    digits = 0 if value == round(value) else 2 if abs(value) >= 1 else 4
    return f"{value:,.{digits}f}"
