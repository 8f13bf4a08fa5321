"""Asking a part over HTTP whether it is ready."""

from __future__ import annotations

import httpx


async def answers(url: str) -> str:
    """Empty when `url` answers 2xx within a second; else what it did."""
    try:
        async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
            response = await client.get(url)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if response.is_success else f"{url} answered {response.status_code}"
