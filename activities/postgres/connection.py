"""A connection to PostgreSQL for a few statements, and what it means when there is none.

The connection string is a secret: it is read at the moment of use, and what is said names the
host, the port and the database only.

    Trouble (carries the finding)
      · bad      refused, timed out, no connection left, wrong credentials, disk full, failed
      · unknown  no such host name, no route, no or a broken connection string: we cannot see
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import asyncpg

from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from models.base import in_words
from models.evidence.evidence import DatabaseKind, DatabaseSeen, Finding
from models.service.service import Database, Service

_TELLABLE = re.compile(
    r"\w+://(?:[^/?#@]*@)?(?P<where>(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d+)?(?:/[\w.-]*)?)(?:\?[^@]*)?"
)
"""A connection string whose host cannot be mistaken for a piece of its password."""

_PRISMA_ONLY = {"schema", "connection_limit", "pool_timeout", "pgbouncer", "socket_timeout"}
"""Parameters that Prisma reads from the same string, and that PostgreSQL would refuse."""


class Trouble(Exception):
    """There was no connection, or no answer on it. `seen` tells which trouble it is."""

    def __init__(self, seen: DatabaseSeen) -> None:
        super().__init__(seen.reason)
        self.seen = seen


@dataclass(frozen=True)
class Connected:
    """A connection, and the address that may be told."""

    connection: asyncpg.Connection
    where: str


@contextlib.asynccontextmanager
async def connected(service: Service) -> AsyncIterator[Connected]:
    """Connect to the service's database; connecting and the block share its configured time-out.

    Raises `Trouble` for whatever the database or the way to it does, in the block as well.
    Statements are not prepared, so that a pooler between is no trouble.
    """
    database, url = _configured(service)
    where = shown(url, otherwise=service.name)
    seconds = database.timeout.total_seconds()
    try:
        async with asyncio.timeout(seconds):
            connection = await asyncpg.connect(url, statement_cache_size=0, timeout=seconds)
            try:
                yield Connected(connection, where)
            finally:
                await connection.close()
    except TimeoutError:
        reason = f"no answer within {in_words(database.timeout)} from {where}"
        raise Trouble(_bad(DatabaseKind.TIMED_OUT, reason)) from None
    except asyncpg.PostgresError as error:
        raise Trouble(_said(error, where)) from error
    except OSError as error:
        raise Trouble(_no_connection(error, where)) from error
    except (ValueError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # The text of these may quote the connection string: only the kind is told.
        why = f"the connection string in {database.url} is not valid, or no PostgreSQL answers"
        reason = f"{why} ({type(error).__name__})"
        raise Trouble(DatabaseSeen(kind=DatabaseKind.FAILED, reason=reason)) from None


def _configured(service: Service) -> tuple[Database, str]:
    if service.database is None:
        raise Trouble(DatabaseSeen(reason=f"no database is configured for {service.name}"))
    try:
        return service.database, connection_string(service.database)
    except SecretMissing as missing:
        reason = f"the connection string of {service.name} is missing: {missing}"
        raise Trouble(DatabaseSeen(reason=reason)) from None


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
