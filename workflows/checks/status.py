"""Status: everything that a person on call would look up by hand, at once, from any machine."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.checks.policy import CheckPolicyActivities
    from models.checks.bounds import fitting
    from models.checks.check import CheckPolicy
    from models.checks.item import Item
    from models.checks.status import StatusReport, StatusRequest, StatusSection
    from workflows.checks.check import AT_ONCE, ItemOf
    from workflows.checks.status_items import PAGES, Asked


@workflow.defn
class Status:
    """Looks, decides nothing and tells nobody but who asked."""

    @workflow.run
    async def run(self, request: StatusRequest) -> StatusReport:
        policy: CheckPolicy = await workflow.execute_local_activity_method(
            CheckPolicyActivities.take_status_policy,
            request,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=2),
            summary="services and addresses as of now",
        )
        named = [one for one in policy.services if request.service in ("", one.name, *one.aliases)]
        if request.service and not named:
            known = ", ".join(one.name for one in policy.services) or "none yet"
            mistake = f"there is no service {request.service!r}; known: {known}"
            return StatusReport(at=workflow.now(), mistake=mistake)
        asked = Asked(policy, tuple(named), request.words)
        wanted = [(part, item) for part in request.parts for item in PAGES[part](asked)]
        slots = asyncio.Semaphore(AT_ONCE)

        async def found(item: ItemOf) -> Item:
            async with slots:
                return await item.found()

        items = fitting(await asyncio.gather(*(found(item) for _, item in wanted)))
        page = {item.name: part for part, item in wanted}
        last = request.parts[-1]
        return StatusReport(
            at=workflow.now(),
            sections=tuple(
                StatusSection(
                    part=part, items=tuple(one for one in items if page.get(one.name, last) is part)
                )
                for part in request.parts
            ),
        )
