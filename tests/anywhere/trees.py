"""Trees like this one, where the demo is to be tried: root's, closed to all others, and a user's."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".git", "__pycache__", ".*_cache", ".hypothesis", "var", "ci-output"
)
_SYSTEMS_PYTHON = Path("/usr/bin/python3")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VENV_WITHIN = 600
"""Seconds for what comes from the package index."""


class TreeError(Exception):
    """A tree could not be made; the message says which, and why."""


@dataclass(frozen=True)
class Tree:
    """A directory to run `make` in, and who runs it."""

    path: Path
    user: str = ""
    """Empty for root."""

    def argv(self, *command: str) -> list[str]:
        """The argument list that runs the command here as its user, with umask 077."""
        as_user = ["runuser", "-u", self.user, "--"] if self.user else []
        return ["sh", "-c", 'umask 077; cd "$0"; exec "$@"', str(self.path), *as_user, *command]

    def environment(self) -> dict[str, str]:
        """That of a fresh login; of the caller's only the settings of the package index."""
        home = {"HOME": f"/home/{self.user}", "USER": self.user} if self.user else {"HOME": "/root"}
        packages = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return {"PATH": _PATH, "LANG": "C.UTF-8", **home, **packages}


class Trees:
    """The trees below one directory that everybody may enter. Each is made when it is first asked for."""

    def __init__(self, base: Path, newest: str) -> None:
        self.base = base
        self._newest = newest
        self._users: list[str] = []

    @cached_property
    def closed(self) -> Tree:
        """Only root may enter it. Its path is an odd one, and its .venv is installed with umask 077."""
        return self._with_venv("only $ROOT's #1, 100%", _systems_python())

    @cached_property
    def newest(self) -> Tree:
        """Like `closed`, with another Python."""
        return self._with_venv("newest", self._newest)

    @cached_property
    def users(self) -> Tree:
        """An ordinary user's: a copy of `closed` that belongs to a user made for this."""
        name = f"runbooks-{secrets.token_hex(3)}"
        _run("useradd", "--create-home", "--shell", "/bin/sh", name)
        self._users.append(name)
        home = self.base / "a user's"
        shutil.copytree(self.closed.path, home / "a clone", symlinks=True)
        _run("chown", "--recursive", f"{name}:", str(home))
        return Tree(home / "a clone", name)

    def close(self) -> None:
        for name in self._users:
            _run("userdel", "--remove", name)

    def _with_venv(self, name: str, python: str) -> Tree:
        parent = self.base / name
        parent.mkdir(mode=0o700, exist_ok=True)
        tree = Tree(parent / "a clone")
        shutil.copytree(ROOT, tree.path, symlinks=True, ignore=_NOT_COPIED, dirs_exist_ok=True)
        _run(*tree.argv("make", "venv", f"PYTHON={python}"), env=tree.environment())
        return tree


@contextmanager
def trees(newest: str) -> Iterator[Trees]:
    """Trees that are gone afterwards, with the users that were made for them."""
    with tempfile.TemporaryDirectory(prefix="runbooks-anywhere-") as base:
        Path(base).chmod(0o755)
        made = Trees(Path(base), newest)
        try:
            yield made
        finally:
            made.close()


def _systems_python() -> str:
    """The one that every user has, where it will do."""
    new_enough = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for python in (str(_SYSTEMS_PYTHON), sys.executable):
        if subprocess.run([python, "-c", new_enough], capture_output=True, check=False).returncode == 0:
            return python
    raise TreeError("Python 3.11 or later with its venv module is needed: apt-get install python3-venv")


def _run(*argv: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        argv,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_VENV_WITHIN,
        check=False,
    )
    if done.returncode != 0:
        raise TreeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout[-2000:]}")
