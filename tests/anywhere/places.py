"""The places: a tree, and what is unusual about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.anywhere.trees import Tree, Trees

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent.sock"}

_NO_IPV6 = """
ip link set lo up
for all in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >"$all"; done
exec "$@"
"""


@dataclass(frozen=True)
class Place:
    """Where, and with which environment; a variable that is None is not set."""

    says: str
    tree: Callable[[Trees], Tree] = lambda trees: trees.closed
    variables: Callable[[Path], Mapping[str, str | None]] = lambda base: {}
    through: tuple[str, ...] = ()
    """A program that runs the command in surroundings of its own."""
    command: tuple[str, ...] = ("make", "demo")
    interrupted: bool = field(default=False)
    """Ctrl-C once it has begun."""


def _tmpdir(name: str) -> Callable[[Path], Mapping[str, str | None]]:
    """Another TMPDIR, and no engine: supervisord has to make its socket."""

    def variables(base: Path) -> Mapping[str, str | None]:
        directory = base / name
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {**NO_ENGINE, "TMPDIR": str(directory)}

    return variables


PLACES = {
    "closed": Place("only root may enter it, blanks and more in its path, umask 077"),
    "no-engine": Place("the same, without a Docker engine", variables=lambda _: NO_ENGINE),
    "tests": Place(
        "the same, and the tests' own PostgreSQL",
        command=(".venv/bin/python", "-m", "pytest", "-q", "tests/integration/postgres/test_check.py"),
    ),
    "user": Place("an ordinary user, who may not use the Docker engine", lambda trees: trees.users),
    "c-locale": Place(
        "LANG=C and a screen for ASCII only",
        variables=lambda _: {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    ),
    "no-locale": Place("a locale that is not installed", variables=lambda _: {"LC_ALL": "xx_XX.UTF-8"}),
    "tmpdir": Place("another TMPDIR, with an odd path", variables=_tmpdir("$another #1; 100% tmp's")),
    "long-tmpdir": Place("a TMPDIR longer than a socket's path may be", variables=_tmpdir("long/" * 50)),
    "no-home": Place("no HOME", variables=lambda _: {"HOME": None}),
    "no-ipv6": Place(
        "no IPv6, and a network that is not the engine's",
        through=("unshare", "--net", "sh", "-c", _NO_IPV6, "sh"),
    ),
    "newest": Place("the newest Python that was found", lambda trees: trees.newest),
    "interrupted": Place("Ctrl-C while the stack starts", interrupted=True),
}
