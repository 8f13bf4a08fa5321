"""Asks the application to sync its products, and verifies that it did.

The last sync is looked at first: what was synced since, or is being synced, is not asked for again. So it
may be asked for again after its answer was lost.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.app.api import AppApi, NoUse, Refused
from activities.app.products import ProductActivities, SyncSeen
from activities.support.heartbeats import beating
from activities.support.http import Fault
from activities.support.redaction import clean
from activities.support.stability import Pace
from activities.support.watch import watch
from models.actions.application import SyncProducts
from models.actions.change import ActionResult, Perform
from models.evidence.evidence import VerificationRequest, VerificationResult

SAME_SYNC = timedelta(seconds=2)
"""Two answers about one sync may differ by this: ages are told in whole seconds."""
USUAL_WAIT = timedelta(hours=1)
"""For a rate limit that does not say when it ends."""
SAMPLE_EVERY = timedelta(seconds=10)
"""And more often only in a window so short that three looks would not fit."""


class SyncActivities:
    """Triggers a sync by the application's API."""

    def __init__(self, api: AppApi, products: ProductActivities) -> None:
        self._api = api
        self._products = products

    @activity.defn
    async def sync_products(self, request: Perform[SyncProducts]) -> ActionResult:
        """Done when it takes the request, or needs none. Whether it helped is for the verification.

        An application that answers only once it has synced answers too late for us: that it was asked is
        all that is known then.
        """
        action = request.action
        async with beating():
            if found := _needs_none(await self._products.look_at_last_sync(action.service), action):
                return _result(True, found)
            try:
                posted = await self._api.post(action.service, "sync_products", action.asked_with)
            except NoUse as no_use:
                return _refused(no_use)
        said = f": {clean(str(posted.content), 160)}" if posted.content else ""
        return _result(True, f"answered {posted.status} at {posted.where}{said}")

    @activity.defn
    async def watch_sync(self, request: VerificationRequest) -> VerificationResult:
        """Look until they were synced lately for the whole window, or were not within `sync_takes`."""
        api, now = request.service.api, datetime.now(UTC)
        if api is None:
            return VerificationResult(
                reason=f"no API is configured for {request.service.name}", observed_at=now
            )
        every = min(SAMPLE_EVERY, request.stable_for / 3)
        pace = Pace(every=every, settle=api.sync_takes, stable_for=request.stable_for, well="synced")
        return await watch(lambda: self._products.look_at_last_sync(request.service), pace)


def _needs_none(seen: SyncSeen, action: SyncProducts) -> str:
    """Why nothing has to be asked for."""
    before = action.last_sync
    if seen.at is not None and (before is None or seen.at > before + SAME_SYNC):
        return f"nothing to do: {seen.reason}"
    return "nothing to do: a sync is going on" if seen.running else ""


def _refused(no_use: NoUse) -> ActionResult:
    if no_use.refused is Refused.BUSY:
        return _result(True, f"a sync is going on: {no_use.reason}")
    if no_use.fault is Fault.TIMED_OUT:
        return _result(True, f"asked for, and not answered yet: {no_use.reason}")
    wait = USUAL_WAIT if no_use.retry_after is None else no_use.retry_after
    throttled = wait if no_use.refused is Refused.THROTTLED else None
    return ActionResult(done=False, found=no_use.reason, at=datetime.now(UTC), throttled=throttled)


def _result(done: bool, found: str) -> ActionResult:
    return ActionResult(done=done, found=found, at=datetime.now(UTC))
