"""Imports run one way, and files and folders stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LONGEST_FILE = 300
PACKAGES = ("models", "workflows", "activities", "runtime", "intake", "console", "demo", "bench")
ALONE = {"worker.py", "starter.py"}
"""The only modules at the top: the two processes."""
MOST_FILES = 15
ONE_A_RUNBOOK = {"workflows/runbooks", "tests/scenarios"}
"""One subject however many files: they grow with the product."""

MAY_IMPORT = {
    "models": {"models"},
    "activities": {"models", "activities"},
    "workflows": {"models", "activities", "workflows"},
    "runtime": {"models", "activities", "workflows", "runtime"},
    "intake": {"models", "workflows", "runtime", "intake"},
    "console": {"models", "activities", "workflows", "runtime", "intake", "console"},
}
"""Which part of the product may know which other. `worker` and `starter` know all of them."""

INPUT_AND_OUTPUT = {
    "asyncpg", "docker", "http", "httpx", "os", "pathlib", "psutil", "requests", "shutil", "socket",
    "starlette", "subprocess", "temporalio", "tempfile", "threading", "urllib.request", "uvicorn", "yaml",
}  # fmt: skip


def files() -> list[Path]:
    """Every Python file of the product, without its tests."""
    return sorted(
        [*chain.from_iterable((ROOT / package).rglob("*.py") for package in PACKAGES), *ROOT.glob("*.py")]
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """The package of a file, or the module if it stands alone."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that a file imports, wherever in the file it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import on line {node.lineno}"
            yield str(node.module)


VALUES_ONLY = {"temporalio.common", "temporalio.workflow"}
"""The typed keys of search attributes, and the way of a library through the sandbox; no client."""
LOCKED = {ROOT / "models" / "redaction" / "known.py": {"threading"}}
"""Activities read secrets in threads: what they all share takes a lock. No workflow imports it."""


def forbidden(path: Path, source: str) -> set[str]:
    """What a file imports although its folder may not."""
    part = part_of(path)
    imported = set(imports(ast.parse(source)))
    parts = {name.partition(".")[0] for name in imported}
    ours = {*PACKAGES, "worker", "starter", "tests"}
    wrong = (parts & ours) - MAY_IMPORT.get(part, ours)
    wrong |= parts & {"worker", "starter"}
    if part not in {"demo", "bench"}:
        wrong |= parts & {"demo", "bench", "tests"}
    if part == "models":
        outside = imported - VALUES_ONLY - LOCKED.get(path, set())
        wrong |= {name for name in outside if {name, name.partition(".")[0]} & INPUT_AND_OUTPUT}
    return wrong


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    assert forbidden(path, path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_a_file_is_one_small_room(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{lines} lines: it holds more than one idea"


def folders() -> list[Path]:
    """Every folder that holds code, tests included."""
    return sorted({path.parent for path in [*files(), *(ROOT / "tests").rglob("*.py")]} - {ROOT})


@pytest.mark.parametrize(
    "folder", [one for one in folders() if name_of(one) not in ONE_A_RUNBOOK], ids=name_of
)
def test_a_folder_is_one_subject(folder: Path) -> None:
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_FILES, f"{len(modules)} modules: it holds more than one subject"


def test_only_the_processes_stand_alone() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == ALONE


def test_no_folders_import_in_a_circle() -> None:
    """Folders are rooms: what each needs is built before it."""
    needs: dict[str, set[str]] = {}
    for path in files():
        here = path.relative_to(ROOT).parent.as_posix().replace("/", ".")
        for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            there = folder_of(name)
            if there and there != here and not here.startswith(("demo", "bench")):
                needs.setdefault(here, set()).add(there)
    TopologicalSorter(needs).prepare()


def folder_of(module: str) -> str:
    """The folder of a module of the product, as a dotted name; empty for what is not ours."""
    path = ROOT / module.replace(".", "/")
    if module.partition(".")[0] not in PACKAGES:
        return ""
    return module if path.is_dir() else module.rpartition(".")[0]


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").rglob("*.py")), ids=name_of)
def test_workflows_know_activities_by_signature_only(path: Path) -> None:
    """What has effects is passed through the sandbox in one block, and never imported beside it."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [
        node
        for node in module.body
        if isinstance(node, ast.With) and "imports_passed_through" in ast.unparse(node.items[0])
    ]
    outside = ast.Module([node for node in module.body if node not in blocks], [])
    assert len(blocks) <= 1
    assert not [name for name in imports(outside) if name.partition(".")[0] == "activities"]


WORKFLOWS = sorted((ROOT / "workflows").rglob("*.py"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_run_loads_its_own_runbook_and_no_more(path: Path) -> None:
    """`from package import module` goes around the pass-through: each open run would keep a copy."""
    froms = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    packages = {directory.relative_to(ROOT).as_posix().replace("/", ".") for directory in folders()}
    assert not [node.lineno for node in froms if node.module in packages]


NOT_REPLAYED = {"os", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_replay_decides_the_same(path: Path) -> None:
    """They are passed through the sandbox, which guards nothing of them; so they are read here."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    assert not {name.partition(".")[0] for name in imports(module)} & NOT_REPLAYED
    assert not {ast.unparse(one) for one in ast.walk(module) if isinstance(one, ast.Attribute)} & CLOCKS


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_there_is_no_shell(path: Path) -> None:
    """Arguments are lists: nothing that came in can become a command."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in {"os.system", "os.popen", "asyncio.create_subprocess_shell"}, node.lineno
        assert not any(word.arg == "shell" for word in node.keywords), f"a shell on line {node.lineno}"


@pytest.mark.parametrize(
    ("place", "source", "wrong"),
    [
        ("models/incident/alert.py", "import httpx", {"httpx"}),
        ("models/incident/alert.py", "from urllib.request import urlopen", {"urllib.request"}),
        ("models/incident/alert.py", "from urllib.parse import urlsplit", set()),
        ("models/incident/alert.py", "from activities.health.probe import HealthActivities", {"activities"}),
        ("activities/health/probe.py", "def f() -> None:\n    from runtime import settings", {"runtime"}),
        ("activities/health/probe.py", "from workflows.stewardship.steward import Steward", {"workflows"}),
        ("workflows/incident/incident.py", "from runtime.settings import load", {"runtime"}),
        ("workflows/incident/incident.py", "from activities.health.probe import HealthActivities", set()),
        ("intake/app.py", "import worker", {"worker"}),
        ("demo/stage.py", "import starter", {"starter"}),
        ("worker.py", "from demo.parts import x", {"demo"}),
        ("runtime/settings.py", "from models.configuration.configuration import Configuration", set()),
    ],
)
def test_the_rule_sees_what_it_should(place: str, source: str, wrong: set[str]) -> None:
    assert forbidden(ROOT / place, source) == wrong
