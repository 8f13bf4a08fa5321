"""What the Tab key offers for an argument. Whatever goes wrong, it offers nothing and says nothing.

What looks these up is imported when it is asked, for every command has an argument of this kind.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

VARIABLE = "_RUNBOOKS_COMPLETE"
"""By which a shell asks what it may offer: see `completion`."""
Offered = list[tuple[str, str]]
"""Each with what a shell shows beside it."""
Completer = Callable[[], Offered]
"""All there is; Typer leaves out what does not begin as it was typed."""


def open_incidents() -> Offered:
    """The incidents that are open, with their phases."""
    return _offered("open_incidents")


def incidents() -> Offered:
    """The incidents that are open, and those that closed last."""
    return _offered("incidents")


def services() -> Offered:
    """The services of the configuration."""
    return _offered("services")


def alerts() -> Offered:
    """The alerts of the configuration."""
    return _offered("alerts")


def _offered(kind: str) -> Offered:
    return cast(Completer, getattr(import_module("console.shell.names"), kind))()
