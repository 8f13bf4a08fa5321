"""Which evidence each row of each causes table reads, found in the code of the rows themselves.

A row that read evidence which nobody could see may have been the cause. There is no second list of this: the
functions behind a row name the looks that they read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.lessons.rows import CauseRow
    from workflows.diagnosis.look import Look
    from workflows.incident.runbook import Runbook


def cause_rows(runbook: type[Runbook]) -> tuple[CauseRow, ...]:
    """The rows of a runbook in the order in which they are walked; none for one without a table."""
    table = getattr(sys.modules[runbook.__module__], "CAUSES", ())
    return tuple(CauseRow(name=row.name, evidence=row.evidence, reads=reads(row.matches)) for row in table)


def reads(function: Any) -> tuple[str, ...]:
    """The names of the looks that a function reads, itself or through functions that it calls."""
    return tuple(sorted(_reads(function, set())))


def _reads(function: Any, met: set[int]) -> set[str]:
    if isinstance(function, partial):
        return _reads(function.func, met).union(*(_reads(one, met) for one in function.args))
    if not isinstance(function, FunctionType) or id(function) in met:
        return set()
    met.add(id(function))
    found: set[str] = set()
    for one in (*_named(function), *_enclosed(function)):
        if isinstance(one, Look):
            found.add(one.name)
        elif isinstance(one, FunctionType) and _top(one) in ("workflows", _top(function)):
            found |= _reads(one, met)
    return found


def _top(function: FunctionType) -> str:
    """The package of a function: the product's own workflows, or one from outside."""
    return function.__module__.partition(".")[0]


def _named(function: FunctionType) -> Iterator[Any]:
    """What the names in its code stand for, one module deep: `looks.process` and `database_lost` alike."""
    names = set(_names(function.__code__))
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            yield from (getattr(value, attribute, None) for attribute in names)
        else:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _enclosed(function: FunctionType) -> Iterator[Any]:
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    yield from function.__defaults__ or ()
