"""A webhook that is made to be slow is read beside everything else."""

from __future__ import annotations

import asyncio
import json

from intake.alerts.reading import Reader
from models.configuration.configuration import Configuration


async def test_while_a_webhook_is_read_that_takes_long_the_intake_does_other_things() -> None:
    """Each alert has as many words as are looked through, all of a kind that takes long."""
    alerts = [
        {"labels": {"alertname": "Slow", "number": number}, "annotations": {"summary": "password-" * 1_800}}
        for number in range(5)
    ]
    reading = asyncio.ensure_future(Reader().read(json.dumps({"alerts": alerts}).encode(), Configuration()))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(reading.result().alerts) == 5
    assert turns > 50
