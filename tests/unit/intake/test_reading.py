"""A webhook that is made to be slow is read beside everything else."""

from __future__ import annotations

import asyncio
import json

from structlog.testing import capture_logs

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


def test_a_webhook_of_texts_that_are_slow_to_redact_is_looked_through_for_a_bounded_time_in_all() -> None:
    """Each alert is taken. Once the time is over nothing is looked through any more: it is hidden whole. The
    labels that decide stay."""
    slow = "curl -u " * 2_000
    alerts = [
        {
            "labels": {"alertname": "Slow", "service": "backend", "number": f"{number}"},
            "annotations": {"summary": f"{number} {slow}"},
        }
        for number in range(120)
    ]
    body = json.dumps({"alerts": alerts}).encode()
    with capture_logs() as lines:
        batch = read_webhook(body)
    said = [alert.annotations["summary"] for _, alert in batch.good]
    looked_through = [one for one in said if one != REDACTED]
    assert 0 < len(looked_through) < 120
    assert said == [*looked_through, *[REDACTED] * (120 - len(looked_through))]
    assert [one["event"].partition(":")[0] for one in lines] == ["texts hidden"], "it is told once"
    assert said[0].startswith("0 curl -u")
    assert batch.good[-1][1].labels["service"] == "backend"
    assert len({alert.fingerprint for _, alert in batch.good}) == 120
