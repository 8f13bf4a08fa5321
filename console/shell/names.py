"""Looks up the names that a shell completes: in Temporal within a bound, and in the configuration."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from console.shell.completing import Offered
from console.shell.quiet import quiet
from models.text import plain
from runtime.connection import ConnectionMisconfigured, TemporalUnreachable, connect
from runtime.errors import Trouble
from runtime.file import yaml_document
from runtime.file.source import ConfigurationError, path_of, read
from runtime.incidents import Incidents, Which

WITHIN = timedelta(seconds=2)
"""For Temporal's answer; who presses Tab waits for it."""
MOST = 100


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
    return [(line.id, plain(f"{line.severity}, {line.phase}")) for line in lines]


def _of_configuration(part: str) -> Offered:
    """Its names as they stand in the file, which may be wrong elsewhere."""
    try:
        named = yaml_document.parse(read(path_of())).data.get(part)
    except (ConfigurationError, yaml_document.Unreadable):
        return []
    return [(name, "") for name in named if isinstance(name, str)] if isinstance(named, dict) else []
