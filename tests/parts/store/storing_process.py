"""The rounds of the store in a process of their own, made to be killed.

`python -m tests.parts.store.storing_process ADDRESS SETTINGS`
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from runtime.alive.gauges import RegistryGauges
from runtime.alive.storing import StoreRounds


async def main(address: str, settings: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    store = StoreSettings.model_validate_json(await asyncio.to_thread(Path(settings).read_text))
    configuration = Configuration(store=store)
    rounds = StoreRounds(client, RegistryGauges(CollectorRegistry(), "worker"), timedelta(seconds=0.1))
    await rounds.run(lambda: configuration)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
