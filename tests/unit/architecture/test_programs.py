"""Every program that the product starts gets an environment of its own, and no shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("activities", "console", "intake", "models", "runtime", "workflows")
STARTS = {
    *("Popen", "create_subprocess_exec", "subprocess_exec"),
    *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")),
}
NEVER = {
    *("create_subprocess_shell", "subprocess_shell", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *(f"os.{name}" for name in ("system", "popen", "posix_spawn", "posix_spawnp", "fork", "forkpty")),
    *(
        f"os.{kind}{how}"
        for kind in ("exec", "spawn")
        for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
    ),
}
WHOLE = {"dict(os.environ)", "os.environ.copy()"}


def sources() -> Iterator[Path]:
    yield from (ROOT / "worker.py", ROOT / "starter.py")
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def faults(source: str) -> list[str]:
    """The calls that hand on the environment of this process, or may."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            spread = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
            found += [ast.unparse(node) for one in spread if ast.unparse(one) == "os.environ"]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        names = {called, called.rpartition(".")[2]}
        given = [word.value for word in node.keywords if word.arg == "env"]
        alone = given and ast.unparse(given[0]) not in {"None", "os.environ"}
        if names & NEVER or ast.unparse(node) in WHOLE or (names & STARTS and not alone):
            found.append(ast.unparse(node))
    return found


def test_no_program_inherits_the_environment_of_the_worker() -> None:
    found = {str(path.relative_to(ROOT)): faults(path.read_text()) for path in sources()}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.Popen(['git'])",
        "subprocess.run(['git'], env=None)",
        "asyncio.create_subprocess_exec('postgres', stdin=None)",
        "asyncio.create_subprocess_exec('postgres', env=os.environ)",
        "environment = {**os.environ, 'A': 'b'}",
        "environment = os.environ.copy()",
        "os.system('git')",
        "os.execvpe('git', [], {})",
        "asyncio.create_subprocess_shell('git', env={})",
    ],
)
def test_what_would_hand_it_on_is_found(source: str) -> None:
    assert faults(source)
