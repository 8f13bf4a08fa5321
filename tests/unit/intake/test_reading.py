"""A webhook that is made to be slow is read beside everything else."""

from __future__ import annotations

import asyncio
import json
import time

from intake.alerts.patience import MOST_SECONDS
from intake.alerts.payload import read_webhook
from intake.alerts.reading import Reader
from models.configuration.configuration import Configuration
from models.redaction.shapes import REDACTED


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


def test_a_webhook_of_texts_that_are_slow_to_redact_takes_a_bounded_time_in_all() -> None:
    """Each alert is taken. What there was no time for is hidden whole; the labels that decide stay."""
    slow = "curl -u " * 2_000
    alerts = [
        {
            "labels": {"alertname": "Slow", "service": "backend", "number": f"{number}"},
            "annotations": {"summary": f"{number} {slow}"},
        }
        for number in range(120)
    ]
    body = json.dumps({"alerts": alerts}).encode()
    began = time.thread_time()
    batch = read_webhook(body)
    assert time.thread_time() - began < MOST_SECONDS * 2
    assert len(batch.good) == 120
    first, last = batch.good[0][1], batch.good[-1][1]
    assert first.annotations["summary"].startswith("0 curl -u")
    assert (last.annotations["summary"], last.labels["service"]) == (REDACTED, "backend")
    assert len({alert.fingerprint for _, alert in batch.good}) == 120
