"""Runs share the modules of the product's workflows: one copy in a worker, whatever is open."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext

from runtime.systems.runs import RUNNER

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "workflows").rglob("*.py"))
CHANGES = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft",
    "remove", "setdefault", "update",
}  # fmt: skip
CACHES = {"cache", "lru_cache", "cached_property"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def in_a_run(module: str) -> object:
    """What the import of this module gives a run."""
    importer = Importer(RUNNER.restrictions, RestrictionContext(), module)
    with importer.applied():
        return importlib.import_module(module)


@pytest.mark.parametrize(
    "module", ["workflows.runbooks.service_down", "workflows.stewardship.steward", "workflows.checks.daily"]
)
def test_a_run_has_the_module_that_the_worker_has(module: str) -> None:
    importlib.import_module(module)
    assert in_a_run(module) is sys.modules[module]


def test_a_workflow_from_elsewhere_has_its_module_for_itself() -> None:
    """The sandbox guards it: nobody has read what its module does."""
    importlib.import_module("bench.bare")
    assert in_a_run("bench.bare") is not sys.modules["bench.bare"]


def changed(source: str) -> list[str]:
    """What in the functions of a module changes what all runs have in common."""
    module = ast.parse(source)
    common = {
        target.id
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    } | {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    return [ast.unparse(node) for node in ast.walk(module) if _changes(node, common)]


def _changes(node: ast.AST, common: set[str]) -> bool:
    def is_common(one: ast.expr) -> bool:
        return isinstance(one, ast.Name) and one.id in common

    if isinstance(node, ast.Global):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in CHANGES and is_common(node.func.value)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        used = {
            part.id for one in node.decorator_list for part in ast.walk(one) if isinstance(part, ast.Name)
        }
        return bool(used & CACHES)
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    written = [one for one in targets if isinstance(one, ast.Subscript | ast.Attribute)]
    statement = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete)
    return statement and any(is_common(one.value) for one in written)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_of_workflows_holds_no_state(path: Path) -> None:
    assert changed(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "SEEN = []\ndef f(): SEEN.append(1)",
        "SEEN = {}\ndef f(): SEEN['a'] = 1",
        "SEEN = {}\ndef f(): del SEEN['a']",
        "COUNT = 0\ndef f():\n    global COUNT",
        "class Incident: ...\ndef f(): Incident.last = 1",
        "from functools import lru_cache\n@lru_cache(maxsize=1)\ndef f(): ...",
    ],
)
def test_state_is_seen(source: str) -> None:
    assert changed(source)
