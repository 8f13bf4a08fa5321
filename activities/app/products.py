"""The application's products: when they were last synced, and how many there are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import Field
from temporalio import activity

from activities.app.answers import ApiAnswer, Count, LastTime, Moment, age_of, called
from activities.app.api import ApiSeen, AppApi, NoUse, Refused
from activities.health.body import reasons
from activities.support.redaction import clean
from models.base import Duration, in_words
from models.evidence.evidence import Finding
from models.service.request import ServiceRequest
from models.service.service import Service

CLOCKS_DIFFER = timedelta(minutes=1)
"""A time further in the future is no time of a sync: a clock is wrong, or a time zone."""

_AT_WORK = ("running", "in progress", "syncing", "started", "pending")


class LastSync(LastTime):
    """`/api/products/last-sync`."""

    at: Moment = Field(
        None,
        validation_alias=called(
            "lastSync", "lastSyncAt", "lastSyncedAt", "syncedAt", "lastSyncTime", "completedAt"
        ),
    )
    running: bool | None = Field(
        None, validation_alias=called("running", "inProgress", "syncing", "isRunning")
    )
    status: str | None = None
    error: object = Field(
        None, validation_alias=called("lastError", "error", "errorMessage", "failureReason", "lastSyncError")
    )
    error_at: Moment = Field(
        None, validation_alias=called("lastErrorAt", "errorAt", "failedAt", "lastFailureAt", "lastFailedAt")
    )
    success: bool | None = Field(None, validation_alias=called("success", "ok"))


class ProductCount(ApiAnswer):
    """`/api/products/count`."""

    bare: ClassVar[str] = "count"
    count: Count = Field(validation_alias=called("count", "total", "totalProducts", "productCount"))


class SyncSeen(ApiSeen):
    """`bad` when the products were never synced, or longer ago than `synced_within`."""

    at: datetime | None = None
    """When they were last synced, by our clock; None for never, and where it is not known."""
    never: bool = False
    age: timedelta | None = None
    running: bool = False
    """A sync is going on, as the application says."""
    error: str = ""
    """Why its newest attempt failed, as the application says."""
    error_at: datetime | None = None
    """When that was, by our clock; None where it does not say."""
    ahead: timedelta = timedelta()
    """How far the application's clock is ahead of ours."""


class CountSeen(ApiSeen):
    """`bad` when there is no product at all."""

    count: int | None = None
    grew: int = 0
    """How many more there were a moment later: somebody adds some."""


class LookAtProducts(ServiceRequest):
    """Count the products twice, `apart` from each other."""

    apart: Duration = timedelta(seconds=2)


class ProductActivities:
    """Asks the application's API for its products."""

    def __init__(self, api: AppApi) -> None:
        self._api = api

    @activity.defn
    async def look_at_last_sync(self, service: Service) -> SyncSeen:
        """When the products were last synced. Never raises for the application's trouble."""
        try:
            got = await self._api.get(service, "last_sync", LastSync)
        except NoUse as no_use:
            return no_use.seen(SyncSeen)
        limit = service.api.synced_within if service.api else timedelta()
        age, said, status = age_of(got), got.content, got.content.status
        seen = SyncSeen(
            observed_at=got.received_at,
            running=bool(said.running) or (status or "").casefold().replace("_", " ") in _AT_WORK,
            error=_in_words(said.error),
            error_at=said.error_at and got.received_at - got.age_of(said.error_at),
            ahead=got.ahead,
        )
        if age is None and said.success is False:
            why = f": {seen.error}" if seen.error else ""
            reason = f"the application failed to tell when its products were synced{why}"
            return seen.model_copy(update={"reason": reason, "refused": Refused.FAILED, "says": seen.error})
        if age is None:
            reason = "the products were never synced"
            return seen.model_copy(update={"finding": Finding.BAD, "reason": reason, "never": True})
        if age < -CLOCKS_DIFFER:
            reason = (
                f"the last sync is told as {in_words(-age)} in the future: correct the clock of the"
                f" application's host, or `services.{service.name}.api.time_zone`"
            )
            return seen.model_copy(update={"reason": clean(reason)})
        age = max(age, timedelta())
        old = age > limit
        reason = f"the products were last synced {in_words(age)} ago"
        return seen.model_copy(
            update={
                "finding": Finding.BAD if old else Finding.OK,
                "reason": f"{reason}, more than {in_words(limit)}" if old else reason,
                "age": age,
                "at": got.received_at - age,
            }
        )

    @activity.defn
    async def look_at_product_count(self, request: LookAtProducts) -> CountSeen:
        """How many products there are, counted twice. Never raises for the application's trouble."""
        try:
            first = await self._api.get(request.service, "product_count", ProductCount)
            await asyncio.sleep(request.apart.total_seconds())
            second = await self._api.get(request.service, "product_count", ProductCount)
        except NoUse as no_use:
            return no_use.seen(CountSeen)
        count, grew = second.content.count, max(0, second.content.count - first.content.count)
        more = f", {grew} more than {in_words(request.apart)} before" if grew else ""
        return CountSeen(
            finding=Finding.OK if count else Finding.BAD,
            reason=f"there are {count} products{more}" if count else "there is no product",
            observed_at=datetime.now(UTC),
            count=count,
            grew=grew,
        )


def _in_words(error: object) -> str:
    """Its own words, as a text or within an object."""
    return clean(error, 300) if isinstance(error, str) else reasons(error).says
