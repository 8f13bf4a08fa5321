"""A connection to PostgreSQL for a few statements, and what it means when there is none.

The connection string is a secret: it is read at the moment of use, and what is said names the
host, the port and the database only.

    Trouble (carries the finding)
      · bad      refused, hangs, recovering, no connection left, disk full, damaged, failed
      · unknown  no such host name, no route, not admitted from this machine, our credentials refused, no
                 connection string or one that cannot be used here: we cannot see
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
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg

from activities.postgres.address import FileMissing, for_asyncpg
from activities.postgres.answers import answered
from activities.postgres.connecting import connecting
from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from activities.support.postgres_bounds import SentTooMuch
from activities.support.secrets import SecretMissing, resolve
from models.base import in_words
from models.evidence.evidence import Finding
from models.service.service import Database, Service

_TELLABLE = re.compile(
    r"\w+://(?:[^/?#@]*@)?(?P<where>(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d+)?(?:/[\w.-]*)?)(?:\?[^@]*)?"
)
"""A connection string whose host cannot be mistaken for a piece of its password."""


_PORT = 5432

_NO_TLS = "rejected SSL upgrade"
"""asyncpg's words in a `ConnectionError` that has no other mark."""

_ACCEPTS_WITHIN = 2.0
"""Seconds for a bare TCP connection, when the database gave no answer."""


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
async def connected(service: Service, beyond: timedelta = timedelta()) -> AsyncIterator[Connected]:
    """Connect to the service's database; connecting and the block share its configured time-out.

    A block that waits on purpose has so much time `beyond` it.

    Raises `Trouble` for whatever the database or the way to it does, in the block as well.
    """
    database, url = _configured(service)
    where = shown(url, otherwise=service.name)
    seconds = database.timeout.total_seconds()
    try:
        async with asyncio.timeout(seconds + beyond.total_seconds()):
            each = seconds + beyond.total_seconds()
            async with connecting(url, within=seconds, each=each) as connection:
                yield Connected(connection, where)
    except TimeoutError:
        raise Trouble(
            await _silent(url, f"within {in_words(database.timeout + beyond)} from {where}")
        ) from None
    except SentTooMuch as error:
        reason = f"{where} sent {error}, and was left"
        raise Trouble(DatabaseSeen(kind=DatabaseKind.FAILED, reason=reason)) from None
    except asyncpg.PostgresError as error:
        raise Trouble(answered(error, where)) from error
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
        return service.database, for_asyncpg(resolve(service.database.url))
    except SecretMissing as missing:
        reason = f"the connection string of {service.name} is missing: {missing}"
    except FileMissing as missing:
        reason = f"the connection string in {service.database.url} cannot be used here: {missing}"
    raise Trouble(DatabaseSeen(reason=reason))


def port_of(service: Service) -> int | None:
    """The port that the connection string leads to; None where nobody can tell."""
    try:
        return urlsplit(_configured(service)[1]).port or _PORT
    except (Trouble, ValueError):
        return None


def shown(url: str, otherwise: str) -> str:
    """Host, port and database of a connection string. An oddly written one is not told at all."""
    match = _TELLABLE.fullmatch(url)
    return match["where"] if match else otherwise


async def _silent(url: str, within: str) -> DatabaseSeen:
    """It hangs only if somebody takes the connection; a firewall that swallows it says nothing of it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        host, port = None, _PORT
    if host is not None:
        try:
            async with asyncio.timeout(_ACCEPTS_WITHIN):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
        except (TimeoutError, OSError):
            reason = f"no answer {within}, and nobody takes a TCP connection: a firewall, or no route"
            return DatabaseSeen(kind=DatabaseKind.NO_ROUTE, reason=reason)
    return _bad(DatabaseKind.TIMED_OUT, f"no answer {within}")


def _no_connection(error: OSError, where: str) -> DatabaseSeen:
    if isinstance(error, socket.gaierror):
        return DatabaseSeen(kind=DatabaseKind.NO_ROUTE, reason=f"no such host name: {where}")
    if isinstance(error, ssl.SSLError):
        return DatabaseSeen(kind=DatabaseKind.FAILED, reason=f"no trusted TLS connection to {where}")
    if _NO_TLS in str(error):
        reason = f"{where} offers no TLS, and the connection string asks for it: set sslmode=prefer"
        return DatabaseSeen(kind=DatabaseKind.NOT_ADMITTED, reason=reason)
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
