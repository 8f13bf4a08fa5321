"""`starter.py new runbook`, in a copy of what it writes to, and as a package of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.kit.new import REGISTRY, _registered

ROOT = Path(__file__).parents[3]


def starter(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "starter.py"), *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def pytest_of(path: Path, *python_path: Path) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)],
        cwd=path,
        env={**ours, "PYTHONPATH": os.pathsep.join(map(str, python_path))},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_package_fits_at_once_and_its_test_fails_until_its_causes_are_written(tmp_path: Path) -> None:
    directory = tmp_path / "mycompany_runbooks"
    made = starter("new", "runbook", "CacheStale", "--package", str(directory))
    assert made.returncode == 0, made.stderr
    assert "runbooks: [mycompany_runbooks]" in made.stdout.replace("\n", " ")
    done = pytest_of(directory, ROOT, tmp_path)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert f"write the causes in {directory / 'cache_stale.py'}" in done.stdout
    before = {path: path.read_bytes() for path in directory.rglob("*.py")}
    again = starter("new", "runbook", "CacheStale", "--package", str(directory))
    assert again.returncode == 2
    assert "exists already: nothing was written" in again.stderr
    assert {path: path.read_bytes() for path in directory.rglob("*.py")} == before


@pytest.mark.parametrize(
    "name", ["diskFilling", "Disk-Filling", "../Evil", "DISK", "Disk Filling", "ServiceDown", ""]
)
def test_a_name_that_does_not_fit_writes_nothing(tmp_path: Path, name: str) -> None:
    made = starter("new", "runbook", name, "--package", str(tmp_path / "mine"))
    assert made.returncode == 2
    assert not (tmp_path / "mine").exists()


def test_the_registry_keeps_its_order() -> None:
    text = (ROOT / REGISTRY).read_text()
    old, new = text.splitlines(), _registered(text, "DiskFilling").splitlines()
    assert new[new.index('    "AnyAlert",') - 1] == '    "DiskFilling",'
    assert [one for one in new if one != '    "DiskFilling",'] == old
