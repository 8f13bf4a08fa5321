"""What the intake asks another system for: the whole of a good answer, bounded as every request is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import httpx

from activities.support.http import NoAnswer, ask


class NotFetched(Exception):
    """There was no answer of use. The text is one sentence, without secrets."""


async def fetched(
    client: httpx.AsyncClient, url: str, params: Mapping[str, str], *, within: timedelta, limit: int
) -> bytes:
    """JSON of at most `limit` bytes, within this time in all. Raises `NotFetched`."""
    try:
        return (await ask(client, url, within=within, limit=limit, params=params)).whole(url)
    except NoAnswer as error:
        raise NotFetched(error.reason) from error
