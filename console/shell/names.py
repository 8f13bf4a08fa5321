"""Looks up the names that a shell completes: in Temporal within a bound, and in the configuration."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from console.shell.completing import Offered
from console.shell.quiet import quiet
from runtime.connection import ConnectionMisconfigured, TemporalUnreachable, connect
from runtime.errors import Trouble
from runtime.file import yaml_document
from runtime.file.source import ConfigurationError, path_of, read
from runtime.incidents import Incidents, Which

WITHIN = timedelta(seconds=2)
"""For Temporal's answer; who presses Tab waits for it."""
MOST = 100
_LITERAL = re.compile(r"[A-Za-z0-9_.:/, -]*")
"""zsh evaluates what it is offered, and Typer escapes no backslash: nothing else is handed to a shell."""


def open_incidents() -> Offered:
    return _incidents(Which(open=True))


def incidents() -> Offered:
    return _incidents(Which())


def services() -> Offered:
    return _of_configuration("services")


def alerts() -> Offered:
    return _of_configuration("alerts")


def _incidents(which: Which) -> Offered:
    quiet()
    try:
        return asyncio.run(_listed(which))
    except (TemporalUnreachable, ConnectionMisconfigured, Trouble, TimeoutError):
        return []


async def _listed(which: Which) -> Offered:
    async with asyncio.timeout(WITHIN.total_seconds()):
        lines = await Incidents(await connect()).list(MOST, which)
    return _literal([(line.id, f"{line.severity}, {line.phase}") for line in lines])


def _of_configuration(part: str) -> Offered:
    """Its names as they stand in the file, which may be wrong elsewhere."""
    try:
        named = yaml_document.parse(read(path_of())).data.get(part)
    except (ConfigurationError, yaml_document.Unreadable):
        return []
    return (
        _literal([(name, "") for name in named if isinstance(name, str)]) if isinstance(named, dict) else []
    )


def _literal(found: Offered) -> Offered:
    """Without what a shell might evaluate: each client of Temporal can begin a run of any ID."""
    return [
        (name, says if _LITERAL.fullmatch(says) else "") for name, says in found if _LITERAL.fullmatch(name)
    ]
