"""Every command of `starter.py`, loaded: what documents and `--help` say is judged by the command itself."""

from __future__ import annotations

from typing import Any

from console.shell.commands import ROWS, loaded


def every_command() -> dict[tuple[str, ...], Any]:
    """By the words that are typed, such as `("list",)` and `("service", "show")`."""
    found: dict[tuple[str, ...], Any] = {}
    for row in ROWS:
        command = loaded(row.name)
        inner = getattr(command, "commands", None)
        found |= {(row.name, name): one for name, one in inner.items()} if inner else {(row.name,): command}
    return found


def parse(words: list[str]) -> None:
    """Let the command itself parse what follows `starter.py`, without running it. Raises AssertionError."""
    known = every_command()
    length = next((length for length in (2, 1) if tuple(words[:length]) in known), 0)
    assert length, f"there is no command {words}"
    command = known[tuple(words[:length])]
    try:
        command.make_context(" ".join(words[:length]), words[length:])
    except Exception as error:
        raise AssertionError(f"{words}: {error}") from error
