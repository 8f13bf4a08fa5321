"""Nothing opens, replaces or deletes a file around the modules that look before they do."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.architecture.test_asking import OURS
from tests.unit.architecture.test_imports_and_sizes import name_of

KEPT_PLACES = {
    "activities/support/regular_files.py": "opens by descriptor, without links",
    "activities/support/whole_files.py": "writes by descriptor, whole",
    "activities/files/diagnostic.py": "copies by descriptor into the private directory of the reviews",
    "activities/managers/host_processes.py": "reads /proc alone",
    "activities/systemd/journal.py": "reads /proc alone",
    "activities/checks/store.py": "removes the oldest of its own reports, by name",
    "activities/drill/scratch.py": "its own private directory",
    "activities/grafana/backup.py": "its own private directory",
    "activities/grafana/dashboards.py": "its own private directory",
    "console/kit/new.py": "reads the registry of this very tree, and writes by write_once",
    "intake/views/rendering.py": "reads the product's own style sheet and script",
}
"""What may touch files by itself, and why that is safe."""

TOUCHING = re.compile(
    r"open"
    r"|os\.(open|unlink|remove|rename|replace|truncate|link|symlink|rmdir|removedirs|chmod|chown)"
    r"|shutil\.(?!which|disk_usage)\w+"
    r"|.*\.(read_text|read_bytes|write_text|write_bytes|unlink|rmdir|symlink_to|hardlink_to|touch)"
    r"|(.*path|Path\(.*\))\.open"
)


def touches(source: str) -> bool:
    """Whether this code touches a file by its path. What it does below an open directory is safe."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(TOUCHING.fullmatch(ast.unparse(call.func)) for call in calls if not below(call))


def below(call: ast.Call) -> bool:
    return any(one.arg in ("dir_fd", "src_dir_fd") for one in call.keywords)


def test_a_file_is_touched_by_what_looks_first_alone() -> None:
    touching = {name_of(path) for path in OURS if touches(path.read_text(encoding="utf-8"))}
    assert touching - set(KEPT_PLACES) == set()


@pytest.mark.parametrize(
    "source",
    [
        "Path(name).read_text()",
        "open(name)",
        "os.open(name, flags)",
        "path.open('rb')",
        "shutil.rmtree(directory)",
        "path.unlink(missing_ok=True)",
    ],
)
def test_the_rule_sees_what_it_should(source: str) -> None:
    assert touches(source)


@pytest.mark.parametrize("source", ["os.open(name, 0, dir_fd=directory)", "shutil.which(name)", "x.open()"])
def test_the_rule_lets_through_what_it_should(source: str) -> None:
    assert not touches(source)


def test_every_place_is_still_there() -> None:
    there = {name_of(path) for path in OURS}
    assert set(KEPT_PLACES) <= there
