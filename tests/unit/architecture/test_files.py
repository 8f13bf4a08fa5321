"""Nothing opens, replaces or deletes a file around the modules that look before they do."""

from __future__ import annotations

import re

import pytest

from tests.unit.architecture.test_asking import OURS, code_of
from tests.unit.architecture.test_imports_and_sizes import name_of

KEPT_PLACES = {
    "activities/support/regular_files.py": "opens by descriptor, without links",
    "activities/support/whole_files.py": "writes by descriptor, whole",
    "activities/files/old_files.py": "deletes by descriptor what its plan bound",
    "activities/files/diagnostic.py": "copies by descriptor into the private directory of the reviews",
    "activities/managers/host_processes.py": "reads /proc alone",
    "activities/checks/store.py": "removes the oldest of its own reports, by name",
    "activities/drill/scratch.py": "its own private directory",
    "activities/grafana/backup.py": "its own private directory",
    "activities/grafana/dashboards.py": "its own private directory",
}
"""What may touch files by itself, and why that is safe."""

TOUCHING = (
    r"(?<!def )(?<![\w.\-?*|])open\(\w",
    r"\bos\.(open|unlink|remove|rename|replace|truncate|link|symlink|rmdir|removedirs|chmod|chown)\(",
    r"\bshutil\.(?!which\b|disk_usage\b)\w+\(",
    r"\.(read_text|read_bytes|write_text|write_bytes|unlink|rmdir|symlink_to|hardlink_to|touch)\(",
    r"\bpath\.open\(|\bPath\([^)]*\)\.open\(",
)


def test_a_file_is_touched_by_what_looks_first_alone() -> None:
    touching = {name_of(path) for path in OURS for touch in TOUCHING if re.search(touch, code_of(path))}
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
    assert any(re.search(touch, source) for touch in TOUCHING)


def test_every_place_is_still_there() -> None:
    there = {name_of(path) for path in OURS}
    assert set(KEPT_PLACES) <= there
