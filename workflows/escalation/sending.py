"""The one way in which a message leaves a workflow: to the channels, within a bound."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.notify.announce import ChannelActivities
    from models.incident.announcement import LONGEST_DELIVERY, Announcement, Delivered
    from models.text import shorten

LONGEST_SUMMARY = 200
AFTER_A_LOST_WORKER = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3)
"""A channel that is down is a receipt and no failure: only the attempt itself can be lost."""


async def send(announcement: Announcement) -> Delivered:
    """Send it; which channels took it. Raises `ActivityError` when it could not even be tried."""
    delivered: Delivered = await workflow.execute_activity_method(
        ChannelActivities.announce,
        announcement,
        start_to_close_timeout=LONGEST_DELIVERY,
        schedule_to_close_timeout=2 * LONGEST_DELIVERY,
        heartbeat_timeout=timedelta(seconds=15),
        retry_policy=AFTER_A_LOST_WORKER,
        summary=shorten(f"tell {announcement.role}: {announcement.title}", LONGEST_SUMMARY),
    )
    return delivered
