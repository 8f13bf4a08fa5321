"""Asks the shop for products, with the key that the backend was started with."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError


class ShopActivities:
    """One client. The key comes with each request of the backend, and is in no history."""

    def __init__(self, client: httpx.AsyncClient, shop: str, refuses: Path) -> None:
        self._client = client
        self._shop = shop
        self._refuses = refuses
        self.key = ""

    @activity.defn
    async def fetch_products(self, limit: int | None) -> int:
        """How many it gave; while the file `refuses` is there, the marketplace is not valid."""
        if await asyncio.to_thread(self._refuses.exists):
            raise ApplicationError("Amazon Associates: the marketplace is not valid", non_retryable=True)
        headers = {"X-Key": self.key, "X-Signed-At": str(time.time())}
        params = {} if limit is None else {"limit": limit}
        answer = await self._client.get(f"{self._shop}/products", params=params, headers=headers)
        if answer.is_success:
            return int(answer.json()["items"])
        told, wait = answer.json(), answer.headers.get("Retry-After", "")
        later = f", retry after {wait} s" if wait else ""
        says = f"Amazon answered {answer.status_code} {told['code']}: {told['message']}{later}"
        raise ApplicationError(says, answer.status_code, wait, type=told["code"], non_retryable=True)
