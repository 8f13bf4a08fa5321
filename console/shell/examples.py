"""The last lines of a command's `--help`."""

from __future__ import annotations

from rich.markup import escape


def examples(*lines: str) -> str:
    """How the command is typed; each is what follows `python starter.py`."""
    return "\n\n".join(("[bold]For example[/bold]", *(escape(f"python starter.py {line}") for line in lines)))
