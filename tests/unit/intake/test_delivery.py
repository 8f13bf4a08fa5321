"""The alerts of one webhook: what befalls one of them befalls no other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from intake.alerts.delivery import AT_ONCE, ENOUGH, Delivery
from intake.alerts.routing import Routed
from intake.alerts.waiting import Results, Taken
from intake.http.metrics import IntakeMetrics
from models.incident.alert import Alert
from models.names import Severity
from runtime.errors import TemporalAway, Unfit


def batch(count: int) -> list[tuple[int, Routed]]:
    began = datetime.now(UTC)
    alerts = [Alert(name=f"A{number}", service="backend", starts_at=began) for number in range(count)]
    return [
        (number, Routed(alert=alert, runbook="AnyAlert", severity=Severity.INFO))
        for number, alert in enumerate(alerts)
    ]


class Temporal:
    """Takes every alert except those that are named, and remembers who came."""

    def __init__(self, **troubles: Exception) -> None:
        self.troubles = troubles
        self.tried: list[str] = []

    async def take(self, incident: str, alerts: Sequence[Routed]) -> Results:
        name = incident.partition("/")[0]
        self.tried.append(name)
        await asyncio.sleep(0)
        trouble = self.troubles.get(name)
        if isinstance(trouble, Unfit):
            return [trouble for _ in alerts]
        if trouble:
            raise trouble
        return [Taken.STARTED for _ in alerts]


async def test_an_alert_that_temporal_never_takes_is_refused_alone() -> None:
    temporal = Temporal(A3=Unfit("too large"))
    delivery = Delivery(temporal.take, IntakeMetrics())
    await delivery.bring(batch(20))
    assert [one.index for one in delivery.receipts] == [n for n in range(20) if n != 3]
    assert [(one.index, one.reason) for one in delivery.refused] == [(3, "too large")]


@pytest.mark.parametrize("trouble", [TemporalAway("busy"), ValueError("a mistake of ours")])
async def test_the_first_failure_ends_no_other_delivery(trouble: Exception) -> None:
    temporal = Temporal(A0=trouble)
    delivery = Delivery(temporal.take, IntakeMetrics())
    with pytest.raises(type(trouble), match=str(trouble)):
        await delivery.bring(batch(40))
    assert len(delivery.receipts) == 39


async def test_when_temporal_is_away_from_many_in_a_row_the_rest_need_not_try() -> None:
    temporal = Temporal(**{f"A{number}": TemporalAway("away") for number in range(1000)})
    with pytest.raises(TemporalAway):
        await Delivery(temporal.take, IntakeMetrics()).bring(batch(1000))
    assert ENOUGH <= len(temporal.tried) <= ENOUGH + AT_ONCE
