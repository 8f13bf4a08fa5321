"""Asking a part over HTTP, on this machine and without TLS."""

from __future__ import annotations

import ssl

import httpx

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. Left to itself, httpx reads all certificate authorities for each client: 15 ms of a core."""


def plain_client(timeout: float) -> httpx.AsyncClient:
    """A client of plain HTTP, for parts that are polled: it costs next to nothing. Seconds; no proxy."""
    return httpx.AsyncClient(timeout=timeout, trust_env=False, verify=_NO_TLS)


async def answers(url: str) -> str:
    """Empty when `url` answers 2xx within a second; else what it did."""
    try:
        async with plain_client(1.0) as client:
            response = await client.get(url)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if response.is_success else f"{url} answered {response.status_code}"
