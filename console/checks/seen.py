"""One line for what is seen alike from several places; what a worker sees decides."""

from __future__ import annotations

from collections.abc import Iterable

from models.examined import Check

HERE = "here"


def merged(checks: Iterable[Check]) -> list[Check]:
    """In the order in which each was first named, with what is seen from here before the rest."""
    by_name: dict[str, list[Check]] = {}
    for check in checks:
        by_name.setdefault(check.name, []).append(check)
    return [one for several in by_name.values() for one in _merged(several)]


def _merged(several: list[Check]) -> list[Check]:
    works = any(one.ok and one.seen_from != HERE for one in several)
    found: dict[tuple[object, ...], Check] = {}
    for one in sorted(several, key=lambda check: check.seen_from != HERE):
        told = _only_here(one) if works and not one.ok and one.seen_from == HERE else one
        key = (told.ok, told.problem, told.cure, told.optional)
        before = found.get(key)
        where = f"{before.seen_from}, {told.seen_from}" if before else told.seen_from
        found[key] = (before or told).model_copy(update={"seen_from": where})
    return list(found.values())


def _only_here(check: Check) -> Check:
    """The worker does the work: what it has, and this place lacks, keeps nothing from being done."""
    cure = f"{check.cure}. A worker sees it well" if check.cure else "a worker sees it well"
    return check.model_copy(update={"optional": True, "cure": cure})
