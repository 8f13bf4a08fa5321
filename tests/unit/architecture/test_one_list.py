"""The registry is the only list of runbooks: a new one is found by everything else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.names import ANY_ALERT
from tests.unit.architecture.test_imports_and_sizes import ROOT, files, name_of
from workflows.runbooks.classes import RUNBOOKS

REGISTRY = "workflows/runbooks/registry.py"
NAMES = {runbook.__name__ for runbook in RUNBOOKS} - {ANY_ALERT}
MODULES = {runbook.__module__.rpartition(".")[2] for runbook in RUNBOOKS}
EVERY = sorted({*files(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.py")})


def lists_of_runbooks(source: str) -> list[int]:
    """The lines where a list, a set or a dictionary names several runbooks, or their files are imported."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = {name for node in nodes for name in _files_imported(node)}
    lines = [
        node.lineno for node in nodes if isinstance(node, ast.expr) and len(set(_named(node)) & NAMES) > 1
    ]
    return [*lines, *([1] if len(imported) > 1 else [])]


def _named(node: ast.expr) -> Iterator[str]:
    """What a collection holds: texts, and classes by their names."""
    if not isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return
    for one in node.keys if isinstance(node, ast.Dict) else node.elts:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
        elif isinstance(one, ast.Name):
            yield one.id


def _files_imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield from ({str(node.module).rpartition(".")[2], *(one.name for one in node.names)}) & MODULES
    elif isinstance(node, ast.Import):
        yield from {one.name.rpartition(".")[2] for one in node.names} & MODULES


@pytest.mark.parametrize("path", [one for one in EVERY if name_of(one) != REGISTRY], ids=name_of)
def test_no_other_file_lists_the_runbooks(path: Path) -> None:
    lines = lists_of_runbooks(path.read_text(encoding="utf-8"))
    assert lines == [], f"a second list of runbooks: take it from {REGISTRY}"


def test_the_registry_is_such_a_list() -> None:
    assert lists_of_runbooks((ROOT / REGISTRY).read_text(encoding="utf-8")) != []


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ('KNOWN = ("ServiceDown", "HighErrorRate")', True),
        ('rows = {"ServiceDown": 1, "HighErrorRate": 2}', True),
        ("found = [ServiceDown, HighErrorRate]", True),
        ("from tests.scenarios import high_error_rate, service_down", True),
        ("import workflows.runbooks.service_down\nimport workflows.runbooks.high_error_rate", True),
        ('names = ("ServiceDown", "CacheDown")', False),
        ('cases = [("ServiceDown", 1), ("HighErrorRate", 2)]', False),
        ("from workflows.runbooks.service_down import ServiceDown", False),
    ],
)
def test_the_rule_sees_a_list(source: str, is_one: bool) -> None:
    assert bool(lists_of_runbooks(source)) == is_one
