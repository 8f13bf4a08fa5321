"""Each block of README and docs: run by a test, or judged by the tool that reads it; none is left out.

Commands of README and docs/ are pasted by `tests/e2e/test_docs_as_pasted.py`; CONTRIBUTING's chapters are
followed by `tests/e2e/test_contributing.py`.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel import yaml as newer

from runtime.settings import load
from tests.parts.product.doc_blocks import ROOT, Block, blocks
from tests.parts.requirements import missing
from tests.parts.terminal.every_command import parse

YAML = newer.YAML(typ="safe", pure=True)
"""As the product reads it: `on` is a word."""

FOLLOWED = ("CONTRIBUTING.md", "docs/write-a-runbook.md")
"""Pages whose files `tests/e2e/test_contributing.py` writes, imports and tests in a copy."""
RUN_BY = {
    "docs/architecture.md": "tests/workflows/diagnosis/test_looks.py",
    "docs/demo.md": "tests/integration/demo/test_stack.py",
}
"""The other pages with Python, each with the test that executes it."""

SHOWN = ("", "diff", "markdown", "promql", "sql")
"""Languages of what is printed, looked up or changed, and pasted into no shell of ours."""

OF_THE_MACHINE: dict[str, str] = {
    "docker": "needs the stack of the source; Compose files are judged by tests/integration/deploy",
    "install": "writes to /etc as root",
    "useradd": "makes a user as root",
    "systemctl": "needs systemd; its units are judged by tests/unit/architecture/test_production_files.py",
    "/opt/runbooks/venv/bin/pip": "installs into /opt; the lock file is that of `make venv`",
    "openssl": "writes a secret to /etc",
    "echo": "writes the project's .env",
    "cp": "copies to /etc",
    "amtool": "asks the machine's Alertmanager; the file is judged by tests/integration/monitoring",
    "promtool": "reads /etc; the file is judged by tests/integration/monitoring",
    "jq": "posts to a Grafana; the dashboard is judged by tests/integration/alive",
    "curl": "asks the application",
    "temporal": "asks the application's Temporal",
    "df": "looks at the machine",
    "du": "looks at the machine",
    "pip-compile": "asks the package index; .ci/run installs what it wrote",
}
"""Commands that no test may run, each with its reason. Their syntax is judged all the same."""


def named(found: list[Block]) -> list[Any]:
    return [pytest.param(one, id=one.name) for one in found]


def test_no_block_is_left_out() -> None:
    judged = {"console", "python", "yaml", "json", *SHOWN}
    assert {one.name: one.language for one in blocks() if one.language not in judged} == {}


@pytest.mark.parametrize("block", named(list(blocks("console"))))
def test_a_shell_can_read_each_block(block: Block) -> None:
    read = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("block", named(list(blocks("console"))))
def test_each_command_is_known_with_its_arguments(block: Block) -> None:
    for line in block.lines:
        typed = re.sub(r"^source <\((.*)\)$", r"\1", line)
        words = shlex.split(re.split(r" \| | && (?=\.|python)| &$", typed)[0])
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            del words[0]
        if words[:3] == ["docker", "compose", "exec"] and "starter.py" in words:
            words = words[words.index("starter.py") - 1 :]
        if words[0] == "make":
            assert_make(words[1:])
        elif words[:2] == ["python", "starter.py"]:
            parse(words[2:])
        elif words[:2] == ["python", "-m"]:
            assert words[2] in ("ruff", "mypy", "pytest", "docs.generate", "bench", "demo"), line
        elif words[:2] == ["python", "worker.py"]:
            assert set(words[2:]) <= {"--host", "--config", "web-1"}, line
        elif words[0] == "temporal" and words[1:3] == ["server", "start-dev"]:
            continue
        else:
            assert words[0] in OF_THE_MACHINE or words[0] in ("python3",), line


def assert_make(words: list[str]) -> None:
    said = subprocess.run(["make", "-n", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("block", named([one for one in blocks("python") if "…" not in one.text]))
def test_each_python_block_compiles(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", named(list(blocks("python"))))
def test_each_python_block_is_run(block: Block) -> None:
    """In a file of a chapter that is followed, or by the test that is named here."""
    if block.page in FOLLOWED:
        assert re.search(rf"^\*\*`\S+\.py`\*\*\n\n`+python\n{re.escape(block.text)}`+$", text_of(block), re.M)
    else:
        assert f'python_of("{block.page}")' in (ROOT / RUN_BY[block.page]).read_text(encoding="utf-8")


def text_of(block: Block) -> str:
    return (ROOT / block.page).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", named(list(blocks("json"))))
def test_each_json_block_is_one(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", named(list(blocks("yaml"))))
def test_each_yaml_block_is_taken_by_what_reads_it(block: Block, tmp_path: Path) -> None:
    text = block.text.replace(", …", "")
    content = yaml.safe_load(text)
    if isinstance(content, list):
        judged_by(["promtool", "check", "rules"], {"groups": [{"name": "g", "rules": content}]}, tmp_path)
    elif "scrape_configs" in content:
        judged_by(["promtool", "check", "config", "--syntax-only"], content, tmp_path)
    elif "receivers" in content:
        whole = {"route": {"receiver": content["receivers"][0]["name"]}, **content}
        judged_by(["amtool", "check-config"], whole, tmp_path)
    elif "networks" in content:
        assert set(content["services"]["alertmanager"]["networks"]) - {"default"} == set(content["networks"])
    else:
        shipped = YAML.load((ROOT / "runbooks.yaml").read_text(encoding="utf-8"))
        file = tmp_path / "runbooks.yaml"
        file.write_text(json.dumps(merged(shipped, YAML.load(text)), default=str))
        load(file, {})


def judged_by(tool: list[str], content: dict[str, Any], directory: Path) -> None:
    if shutil.which(tool[0]) is None:
        missing(f"{tool[0]} is not installed")
    file = directory / "file.yml"
    file.write_text(yaml.safe_dump(content))
    said = subprocess.run([*tool, str(file)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def merged(base: Any, over: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
