"""What every command begins with."""

from __future__ import annotations

from console.shell.quiet import quiet
from runtime import settings


def begin() -> None:
    """Nothing is logged to standard output, and the packages of the configuration are known: also what only
    reads an incident must know its actions."""
    quiet()
    settings.load_packages(settings.path_of())
