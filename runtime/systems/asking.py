"""What the intake asks another system for: the whole of a good answer, bounded as every request is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice

import httpx

from activities.support.http import NoAnswer, ask

MOST_PARTS = 500_000
"""Values and keys of an answer: unpacked, a small one of these takes thirty times its own bytes. About 10,000
alerts have as many."""

_NEXT_PART = re.compile(rb'(?:[^"\[{,:]++|"(?:[^"\\]++|\\.)*+"?)*+(?:[\[{,:]|\Z)', re.DOTALL)
"""Up to the next sign that begins a part. Texts are skipped: times and addresses are full of such signs."""


class NotFetched(Exception):
    """There was no answer of use. The text is one sentence, without secrets."""


async def fetched(
    client: httpx.AsyncClient, url: str, params: Mapping[str, str], *, within: timedelta, limit: int
) -> bytes:
    """JSON of at most `limit` bytes, within this time in all. Raises `NotFetched`."""
    try:
        body = (await ask(client, url, within=within, limit=limit, params=params)).whole(url)
    except NoAnswer as error:
        raise NotFetched(error.reason) from error
    if any(islice(_NEXT_PART.finditer(body), MOST_PARTS, None)):
        raise NotFetched("its answer has more parts than can be taken at once")
    return body
