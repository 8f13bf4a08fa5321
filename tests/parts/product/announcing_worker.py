"""A worker that announces, as a process of its own: a test kills it in the middle of a rung.

`python -m tests.parts.product.announcing_worker ADDRESS QUEUE SLACK_URL PAGERDUTY_URL [SLACK_API]`
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import httpx

    from activities.notify.announce import ChannelActivities
    from activities.notify.build import build_channels
    from models.configuration.channels import ChannelConfig, PagerDutyChannel, SlackBotChannel, SlackChannel
    from models.incident.announcement import Announcement, Delivered
    from models.service.secret import SecretRef
    from tests.parts.outside.slack import CHANNEL, TOKEN


@workflow.defn
class Announce:
    """One announcement and nothing else."""

    @workflow.run
    async def run(self, announcement: Announcement) -> Delivered:
        return await workflow.execute_activity_method(
            ChannelActivities.announce,
            announcement,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(seconds=2),
        )


async def main(address: str, queue: str, slack: str, pagerduty: str, bot: str = "") -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    configured: dict[str, ChannelConfig] = {
        "slack": SlackChannel(webhook=SecretRef(env="SLACK")),
        "pagerduty": PagerDutyChannel(
            routing_key=SecretRef(env="KEY"), url=pagerduty, timeout=timedelta(seconds=30)
        ),
    }
    if bot:
        configured["bot"] = SlackBotChannel(token=SecretRef(env="BOT"), channel=CHANNEL, api=bot)
    secrets = {"SLACK": slack, "KEY": "key", "BOT": TOKEN}
    async with httpx.AsyncClient() as http:
        channels = build_channels(configured, http, lambda ref: secrets[ref.env or ""])
        activities = ChannelActivities(channels)
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[Announce],
            activities=[activities.announce],
            max_cached_workflows=0,  # or the server would wait for the dead worker's cache for a while
        )
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
