"""PostgreSQL behind a service: can somebody connect and get an answer?

`runbook.md`, DatabaseConnectionFailure: "Test connection", and the database row of ServiceDown.
The connection string is a secret: it is read at the moment of use, and what is said names the
host, the port and the database only.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import asyncpg
from temporalio import activity

from activities.redaction import clean
from activities.secrets import SecretMissing, resolve
from models.base import in_words
from models.evidence import DatabaseKind, DatabaseSeen, Finding
from models.service import Database, Service

_TELLABLE = re.compile(
    r"\w+://(?:[^/?#@]*@)?(?P<where>(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d+)?(?:/[\w.-]*)?)(?:\?[^@]*)?"
)
"""A connection string whose host cannot be mistaken for a piece of its password."""

_PRISMA_ONLY = {"schema", "connection_limit", "pool_timeout", "pgbouncer", "socket_timeout"}
"""Parameters that Prisma reads from the same string, and that PostgreSQL would refuse."""


class PostgresActivities:
    """Looks at PostgreSQL through a connection of its own, so that the service's pool is left alone."""

    @activity.defn
    async def check_database(self, service: Service) -> DatabaseSeen:
        """Connect and `SELECT 1` within the configured time-out. Never raises for the database's trouble.

        `bad` is what the database did (refused, hung, full, wrong credentials); what says nothing
        about it (no such host name, no route, a missing secret) is `unknown`.
        """
        began = time.monotonic()
        seen = await self._check(service)
        latency = None if seen.kind is DatabaseKind.NOT_CHECKED else round(time.monotonic() - began, 4)
        return seen.model_copy(update={"latency": latency, "observed_at": datetime.now(UTC)})

    async def _check(self, service: Service) -> DatabaseSeen:
        if service.database is None:
            return DatabaseSeen(reason=f"no database is configured for {service.name}")
        return await self._connect(service, service.database)

    async def _connect(self, service: Service, database: Database) -> DatabaseSeen:
        try:
            url = connection_string(database)
        except SecretMissing as missing:
            return DatabaseSeen(reason=f"the connection string of {service.name} is missing: {missing}")
        where = shown(url, otherwise=service.name)
        try:
            await _select_1(url, database.timeout.total_seconds())
        except TimeoutError:
            return _bad(DatabaseKind.TIMED_OUT, f"no answer within {in_words(database.timeout)} from {where}")
        except asyncpg.PostgresError as error:
            return _said(error, where)
        except OSError as error:
            return _no_connection(error, where)
        except (ValueError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            # The text of these may quote the connection string: only the kind is told.
            why = f"the connection string in {database.url} is not valid, or no PostgreSQL answers"
            return DatabaseSeen(kind=DatabaseKind.FAILED, reason=f"{why} ({type(error).__name__})")
        return DatabaseSeen(finding=Finding.OK, kind=DatabaseKind.HEALTHY, reason=f"{where} answers")


async def _select_1(url: str, seconds: float) -> None:
    """Within `seconds` for all of it. Without prepared statements, so that a pooler between is no trouble."""
    async with asyncio.timeout(seconds):
        connection = await asyncpg.connect(url, statement_cache_size=0, timeout=seconds)
        try:
            await connection.execute("SELECT 1")
        finally:
            await connection.close()


def connection_string(database: Database) -> str:
    """The connection string, without what only Prisma understands. Raises `SecretMissing`."""
    base, _, query = resolve(database.url).partition("?")
    kept = [(key, value) for key, value in parse_qsl(query) if key not in _PRISMA_ONLY]
    return f"{base}?{urlencode(kept)}" if kept else base


def shown(url: str, otherwise: str) -> str:
    """Host, port and database of a connection string. An oddly written one is not told at all."""
    match = _TELLABLE.fullmatch(url)
    return match["where"] if match else otherwise


def _said(error: asyncpg.PostgresError, where: str) -> DatabaseSeen:
    """What the server itself answered, by its SQLSTATE."""
    said = clean(str(error), 160)
    match error:
        case asyncpg.TooManyConnectionsError():
            return _bad(DatabaseKind.TOO_MANY_CONNECTIONS, f"no connection left at {where}: {said}")
        case asyncpg.InvalidAuthorizationSpecificationError():
            return _bad(DatabaseKind.WRONG_CREDENTIALS, f"{where} refuses the credentials: {said}")
        case asyncpg.DiskFullError():
            return _bad(DatabaseKind.DISK_FULL, f"disk full at {where}: {said}")
        case asyncpg.ConnectionDoesNotExistError():
            return _bad(DatabaseKind.REFUSED, f"connection closed without an answer at {where}")
    return _bad(DatabaseKind.FAILED, f"{where} said: {said} ({error.sqlstate})")


def _no_connection(error: OSError, where: str) -> DatabaseSeen:
    if isinstance(error, socket.gaierror):
        return DatabaseSeen(kind=DatabaseKind.NO_ROUTE, reason=f"no such host name: {where}")
    if isinstance(error, ssl.SSLError):
        return DatabaseSeen(kind=DatabaseKind.FAILED, reason=f"no trusted TLS connection to {where}")
    if _refused(error):
        return _bad(DatabaseKind.REFUSED, f"connection refused at {where}")
    if isinstance(error, ConnectionError):
        return _bad(DatabaseKind.REFUSED, f"connection closed without an answer at {where}")
    return DatabaseSeen(kind=DatabaseKind.NO_ROUTE, reason=f"no route to {where}")


def _refused(error: OSError) -> bool:
    """Whether nobody listens. A name with several addresses fails with one text for all of them."""
    absent = isinstance(error, ConnectionRefusedError | FileNotFoundError)
    return absent or (error.errno is None and f"[Errno {errno.ECONNREFUSED}]" in str(error))


def _bad(kind: DatabaseKind, reason: str) -> DatabaseSeen:
    return DatabaseSeen(finding=Finding.BAD, kind=kind, reason=reason)
