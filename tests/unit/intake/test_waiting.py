"""Alerts that wait for Temporal: in a row for each incident, and all that wait with the next call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from intake.alerts import waiting
from intake.alerts.delivered import MOST, MOST_OF_ONE, Delivered
from intake.alerts.routing import Routed
from intake.alerts.waiting import Results, Taken, Waiting
from models.incident.alert import Alert
from models.names import Severity
from runtime.errors import TemporalAway

BEGAN = datetime(2026, 1, 5, 3, tzinfo=UTC)


def routed(fingerprint: str = "a", service: str = "backend") -> Routed:
    alert = Alert(name="ServiceDown", service=service, starts_at=BEGAN, fingerprint=fingerprint)
    return Routed(alert=alert, runbook="ServiceDown", severity=Severity.CRITICAL)


class Temporal:
    """Answers when it is let, and remembers every call."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.answers = asyncio.Event()
        self.trouble: Exception | None = None

    async def deliver(self, incident: str, alerts: Sequence[Routed]) -> Results:
        self.calls.append([one.instance for one in alerts])
        await self.answers.wait()
        if self.trouble:
            raise self.trouble
        return [Taken.TOLD for _ in alerts]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_during_a_call_goes_together_with_the_next() -> None:
    temporal = Temporal()
    row = Waiting(temporal.deliver)
    came = []
    for name in "abc":
        came.append(asyncio.create_task(row.add("I", [routed(name)])))
        await settle()
    assert (temporal.calls, row.any("I")) == ([["a"]], True)
    temporal.answers.set()
    assert await asyncio.gather(*came) == [[Taken.TOLD]] * 3
    await settle()
    assert (temporal.calls, row.any("I")) == ([["a"], ["b", "c"]], False)


async def test_a_sender_that_leaves_takes_nothing_with_it() -> None:
    temporal = Temporal()
    row = Waiting(temporal.deliver)
    leaving, staying = (asyncio.create_task(row.add("I", [routed(name)])) for name in "ab")
    await settle()
    leaving.cancel()
    temporal.answers.set()
    assert await staying == [Taken.TOLD]
    assert [one for call in temporal.calls for one in call] == ["a", "b"]


async def test_a_call_that_fails_fails_for_all_who_went_with_it_and_for_nobody_else() -> None:
    temporal = Temporal()
    temporal.trouble = TemporalAway("away")
    row = Waiting(temporal.deliver)
    temporal.answers.set()
    with pytest.raises(TemporalAway):
        await row.add("I", [routed()])
    temporal.trouble = None
    assert await row.add("I", [routed()]) == [Taken.TOLD]


async def test_so_many_may_wait_and_then_others_are_sent_back() -> None:
    temporal = Temporal()
    row = Waiting(temporal.deliver)
    full = asyncio.create_task(row.add("I", [routed()] * waiting.MOST))
    await settle()
    with pytest.raises(TemporalAway, match="wait"):
        await row.add("J", [routed()])
    temporal.answers.set()
    await full
    assert await row.add("J", [routed()]) == [Taken.TOLD]


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = Delivered()
    memory.confirm("large", "run", [routed(str(number)) for number in range(MOST_OF_ONE + 1)])
    assert not memory.holds("large", [routed("0")])
    assert memory.holds("large", [routed("1"), routed(str(MOST_OF_ONE))])
    for number in range(MOST):
        memory.confirm(str(number), "run", [routed()])
    assert memory.run_of("large") is None
    assert memory.run_of(str(MOST - 1)) == "run"


def test_what_is_being_told_is_not_held() -> None:
    memory = Delivered()
    memory.confirm("I", "run", [routed("a"), routed("b")])
    memory.doubt("I", [routed("a")])
    assert not memory.holds("I", [routed("a")])
    assert memory.holds("I", [routed("b")])
    memory.confirm("I", "another", [routed("a")])
    assert not memory.holds("I", [routed("b")])
