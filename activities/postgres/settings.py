"""Raises `max_connections` of a PostgreSQL, and restarts it so that the value takes effect.

`ALTER SYSTEM` overrides postgresql.conf. A value on the server's command line overrides both: then
nothing is set, and the evidence says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from temporalio import activity

from activities.managers import ManagerError, ManagerRefused, Managers, ManagerUnreachable, Unsupported
from activities.postgres.connection import Connected, Trouble, connected
from activities.postgres.database_seen import DatabaseKind
from activities.service.outcomes import Outcome
from activities.service.run_once import once
from models.actions.change import ActionResult, Perform
from models.actions.database import RaiseMaxConnections
from models.service.service import Service

COMES_BACK_WITHIN = timedelta(seconds=60)
"""How long the database may take until it answers again."""

_CURE = "; if it does not start any more, take max_connections out of its postgresql.auto.conf"

_SETTING = """
SELECT setting::int AS now, source FROM pg_settings WHERE name = 'max_connections'
"""


class PostgresSettingActivities:
    """Each statement has a connection of its own; the restart is the service manager's."""

    def __init__(self, managers: Managers, comes_back_within: timedelta = COMES_BACK_WITHIN) -> None:
        self._managers = managers
        self._comes_back_within = comes_back_within

    @activity.defn(no_thread_cancel_exception=True)
    def raise_max_connections(self, request: Perform[RaiseMaxConnections]) -> ActionResult:
        """Set it, if it still is what the plan saw, restart, and look.

        The role must be allowed to: a superuser, or one with `GRANT ALTER SYSTEM ON PARAMETER
        max_connections`. When connections have run out, only a role that may use the reserved ones
        gets in.
        """
        action = request.action
        manager = self._managers.of(action.service)
        is_set = False

        def look() -> Outcome:
            try:
                return _look(action)
            except ManagerUnreachable as error:
                raise ManagerUnreachable(f"{error}{_CURE if is_set else ''}") from error

        def act() -> None:
            nonlocal is_set
            manager.state()  # what cannot be restarted afterwards is not set before
            asyncio.run(_set(action))
            is_set = True
            try:
                manager.restart()
            except ManagerUnreachable:
                raise
            except ManagerError as error:
                raise ManagerRefused(
                    f"max_connections is set to {action.to_connections}, which the next restart brings into"
                    f" force, but it was not restarted: {error}"
                ) from error

        return once(action.says, look, act, self._comes_back_within)


@dataclass(frozen=True)
class _Setting:
    now: int
    source: str


def _look(action: RaiseMaxConnections) -> Outcome:
    setting = asyncio.run(_read(action.service))
    state = f"max_connections is {setting.now}"
    return Outcome(setting.now == action.to_connections, state, state)


async def _read(service: Service) -> _Setting:
    async with _talking(service) as database:
        return await _setting(database.connection)


async def _set(action: RaiseMaxConnections) -> None:
    before, after = action.from_connections, action.to_connections
    async with _talking(action.service) as database:
        setting = await _setting(database.connection)
        if after <= before:
            raise Unsupported(f"{after} connections are not more than {before}")
        if setting.now != before:
            raise ManagerRefused(f"max_connections is {setting.now}, not {before}, as when this was planned")
        if setting.source == "command line":
            raise Unsupported(
                "max_connections is given on the command line of the server, which wins over what is set"
                " here: raise it where the server is started"
            )
        try:
            await database.connection.execute(f"ALTER SYSTEM SET max_connections = {after:d}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise ManagerRefused(
                "this role may not set max_connections: GRANT ALTER SYSTEM ON PARAMETER max_connections to"
                " it, or configure the connection string of a superuser"
            ) from error


async def _setting(connection: asyncpg.Connection) -> _Setting:
    row = await connection.fetchrow(_SETTING)
    if row is None:
        raise ManagerRefused("the server does not tell its max_connections")
    return _Setting(row["now"], row["source"])


@contextlib.asynccontextmanager
async def _talking(service: Service) -> AsyncIterator[Connected]:
    """A connection, with its trouble told as that of a manager: nothing is known, or it said no."""
    try:
        async with connected(service) as database:
            yield database
    except Trouble as trouble:
        raise _as_manager(trouble) from trouble


def _as_manager(trouble: Trouble) -> ManagerError:
    reason = trouble.seen.reason
    match trouble.seen.kind:
        case DatabaseKind.TOO_MANY_CONNECTIONS:
            return ManagerUnreachable(
                f"{reason}; this role may not use the reserved connections: terminate idle sessions first, or"
                " configure the connection string of a superuser"
            )
        case DatabaseKind.WRONG_CREDENTIALS:
            return ManagerRefused(reason)
    return ManagerUnreachable(reason)
