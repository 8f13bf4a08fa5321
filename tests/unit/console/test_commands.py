"""The commands before they are imported are the commands themselves, and each shows how it is typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_group

from console.shell.commands import ROWS, loaded
from tests.parts.terminal.every_command import every_command, parse

ROOT = Path(__file__).parents[3]
COMMANDS = {" ".join(words): command for words, command in every_command().items()}
HEAVY = ("temporalio", "models", "runtime", "workflows", "activities")


def test_the_table_says_what_each_command_says_of_itself() -> None:
    for row in ROWS:
        assert str(loaded(row.name).help).splitlines()[0] == row.says, row.name


def test_the_table_has_every_command_of_every_module() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "console").rglob("*.py")
        if "\napp = typer.Typer(" in path.read_text() and path.stem != "host"  # that is worker.py's
    ]
    assert {row.module for row in ROWS} == set(modules)
    for module in modules:
        app: typer.Typer = import_module(module).app
        named = [row.name for row in ROWS if row.module == module]
        known = set(get_group(app).commands)
        assert known == set(named) or len(named) == 1, module


@pytest.mark.parametrize("name", COMMANDS)
def test_its_help_has_an_example_that_it_takes(name: str) -> None:
    lines = [line for line in str(COMMANDS[name].epilog or "").splitlines() if line.startswith("python ")]
    assert lines, "a person looks for how it is typed"
    for line in lines:
        words = shlex.split(line)
        assert words[:2] == ["python", "starter.py"]
        assert " ".join(words[2:]).startswith(name)
        parse(words[2:])


@pytest.mark.parametrize("words", ["--help", "", "completion bash"])
def test_what_needs_no_command_imports_none(words: str) -> None:
    asks = f"import sys, starter; starter.app({shlex.split(words)!r}, standalone_mode=False)"
    tells = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    code = f"try:\n  {asks}\nexcept BaseException: pass\nfinally: {tells}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout
    assert not set(done.stderr.split()) & set(HEAVY)


def test_the_tab_key_offers_the_same_first_argument_before_and_after_it_is_loaded() -> None:
    for row in (one for one in ROWS if one.first):
        argument = next(one for one in loaded(row.name).params if one.param_type_name == "argument")
        assert row.first in _completers(argument), row.name


def _completers(argument: Any) -> list[Any]:
    """The function that was given as `autocompletion`, which Typer wraps."""
    cells = (one.cell_contents for one in argument._custom_shell_complete.__closure__)
    return [getattr(one, "__wrapped__", None) for one in cells]


def test_a_command_that_is_misspelt_is_answered_with_the_likely_one() -> None:
    done = subprocess.run(
        [sys.executable, "starter.py", "lsit"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert re.search("Did you mean 'list'", done.stderr)
