"""Tells the databases of production from a scratch server: nothing is ever restored into one of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from activities.postgres.address import FileMissing, for_asyncpg
from activities.postgres.connecting import connecting
from activities.support.secrets import SecretMissing, resolve
from models.service.service import Service

PORT = 5432
CONNECT_WITHIN = 5.0
_IDENTITY = "SELECT system_identifier FROM pg_control_system()"
_LOCAL = "this machine"

Place = tuple[str, int]


class IsProduction(Exception):
    """The scratch server is one that a service uses, or it cannot be told. The text says which, and why."""


async def refuse_production(server: asyncpg.Connection, url: str, services: Iterable[Service]) -> None:
    """Raises `IsProduction` when a configured service has its database on this server.

    Compared are the addresses that both names lead to, and what each cluster says that it is: a tunnel, a
    pooler or another name hides an address, but not the cluster. One that cannot be asked counts by its
    address alone.
    """
    places, identity = await _places(url), await server.fetchval(_IDENTITY)
    for service in services:
        theirs = _url_of(service)
        if theirs is None:
            continue
        if places & await _places(theirs):
            raise IsProduction(f"it has the address of {service.name}")
        if identity is not None and identity == await _identity(theirs):
            raise IsProduction(f"it is the server of {service.name}, by another address")


def _url_of(service: Service) -> str | None:
    if service.database is None:
        return None
    try:
        return for_asyncpg(resolve(service.database.url))
    except (SecretMissing, FileMissing) as missing:
        raise IsProduction(
            f"whether it is the server of {service.name} cannot be told, for its connection string is "
            f"not to be had: {missing}"
        ) from None


async def _identity(url: str) -> int | None:
    with contextlib.suppress(
        OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError
    ):
        async with asyncio.timeout(CONNECT_WITHIN):
            async with connecting(url, within=CONNECT_WITHIN, each=CONNECT_WITHIN) as connection:
                found: int | None = await connection.fetchval(_IDENTITY)
                return found
    return None


async def _places(url: str) -> set[Place]:
    """The addresses and ports that a connection string leads to; all of this machine's are one."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    port = int(given.get("port", "") or parts.port or PORT)
    hosts = (given.get("host") or parts.hostname or "localhost").split(",")
    found: set[Place] = set()
    for host in hosts:
        found |= {(address, port) for address in await _addresses(host)}
    return found


async def _addresses(host: str) -> set[str]:
    if host.startswith("/"):
        return {_LOCAL}
    try:
        known = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return {host.lower()}
    return {_LOCAL if _is_local(str(one[4][0])) else str(one[4][0]) for one in known}


def _is_local(address: str) -> bool:
    """Whether this machine has the address: only then a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
