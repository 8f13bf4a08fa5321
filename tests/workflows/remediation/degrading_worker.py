"""A worker in a process of its own, in a scripted world where only the switch of the degraded mode is real:
made to be killed.

`python -m tests.workflows.remediation.degrading_worker ADDRESS SWITCH TOLD`: what people are told is written
to TOLD, one occasion a line, and `review` for each review.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.app.degradation import DegradationActivities
from activities.app.switches import Switches
from models.configuration.configuration import Configuration
from models.incident.announcement import Announcement, Delivered
from models.incident.review import Review, StoredReview
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.harness import hosted
from tests.workflows.world import World
from workflows.runbooks.registry import NAMES


@dataclass
class Degraded(World):
    """Its provider is down, the errors stay although it is degraded, and it is all written down."""

    kept: Path = Path()

    def _announce(self, message: Announcement) -> Delivered:
        self._keep_line(message.occasion)
        return super()._announce(message)

    def _write(self, review: Review) -> StoredReview:
        self._keep_line("review")
        return super()._write(review)

    def _keep_line(self, line: str) -> None:
        with self.kept.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


async def main(address: str, switch: str, told: str) -> None:
    degradation = {"on": {"url": switch}, "off": {"url": switch, "method": "PUT"}}
    changes = {"services": {"backend": {"degradation": degradation}}}
    configuration = Configuration.of(merged(CONFIGURATION, changes), NAMES)
    world = Degraded(
        health=sights.HEALTHY,
        process=sights.RUNNING,
        errors=sights.MANY_ERRORS,
        providers=sights.PROVIDER_DOWN,
        watched={"watch_errors": sights.FAILING},
        kept=Path(told),
    )
    world.hold("watch_providers")
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with httpx.AsyncClient(trust_env=False) as http:
        switches = DegradationActivities(Switches(http))
        real: list[Callable[..., Any]] = [switches.degrade, switches.restore_service]
        async with hosted(client, world, lambda: configuration, real=real):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
