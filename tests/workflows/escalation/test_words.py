"""Every kind of message, word for word, as somebody reads it who was asleep: `messages.md` has them all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.notify.discord import message
from activities.notify.slack import mrkdwn
from models.checks.item import Item, ItemResult, ItemState
from models.incident.announcement import Announcement, Occasion
from tests.parts.product.check_reports import check_report
from tests.workflows.checks.test_reporting import Outside, ending
from tests.workflows.harness import Harness, open_harness
from tests.workflows.sights import TAKEN_PORT
from tests.workflows.switch import begin, resume, suspend

MESSAGES = Path(__file__).with_name("messages.md")
WORDS = {"summary": "Backend is down", "description": "It did not answer for 1 min."}


def told(one: Announcement) -> str:
    """As it stands in `messages.md`, where every clock and every stretch of time reads the same."""
    text = f"**{one.title}**\n\n{one.text}"
    text = re.sub(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)? UTC", "03:14:05 UTC", text)
    long = r"\d+(\.\d+)? (s|min|h)( \d+ (min|s))*"
    text = re.sub(rf"{long} (ago|later|after)", r"5 min \5", text)
    text = re.sub(rf"after {long}", "after 5 min", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "1a2b3c4d5e6f", text)
    text, found, seen = text.partition("\nFound:\n")
    return text + found + "\n".join(_in_order(seen))


def _in_order(seen: str) -> list[str]:
    """What was looked at, by name: looks end in any order."""
    lines = [line for line in seen.splitlines() if line.startswith("- ")]
    well = [line for line in seen.splitlines() if not line.startswith("- ")]
    names = [", ".join(sorted(re.split(r", |: |\.", line)[1:-1])) for line in well]
    return [*sorted(lines), *(f"Looked at and well: {one}." for one in names)]


def kept() -> dict[str, str]:
    """The messages of the file, by their kind."""
    _, *parts = re.split(r"^## (.+)\n\n", MESSAGES.read_text(), flags=re.MULTILINE)
    return {kind: text.strip() for kind, text in zip(parts[::2], parts[1::2], strict=True)}


def is_as_kept(kind: str, one: Announcement) -> None:
    assert told(one) == kept()[kind], f"{kind}:\n{told(one)}"


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    async with open_harness() as harness:
        yield harness


def of(harness: Harness, occasion: Occasion, title: str = "") -> Announcement:
    """The newest message of a kind."""
    return [one for one in harness.world.told if one.occasion is occasion and title in one.title][-1]


async def test_a_page_a_question_its_failure_and_the_end(harness: Harness) -> None:
    harness.world.port, harness.world.works = TAKEN_PORT, False
    handle = await harness.fire(await harness.alert(annotations=WORDS))
    await harness.until(handle, "awaiting approval")
    await harness.until_true(lambda: any(one.occasion is Occasion.APPROVAL for one in harness.world.told))
    is_as_kept("A question", of(harness, Occasion.APPROVAL))
    await harness.sleep(timedelta(minutes=6))
    is_as_kept("A page to a rung", of(harness, Occasion.PAGE))
    await handle.signal("approve")
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(minutes=2))
    is_as_kept("What failed", of(harness, Occasion.PAGE))
    await harness.closes(handle)
    is_as_kept("Closed by a person", of(harness, Occasion.RESOLVED))


async def test_a_channel_with_little_room_has_the_answer_and_the_links_whole(harness: Harness) -> None:
    """However much the alert says, in signs that Discord needs twice."""
    harness.configure(
        temporal={"ui": "https://t.example.com"}, intake={"public_url": "https://i.example.com"}
    )
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert(annotations=dict.fromkeys(WORDS, "*_" * 900)))
    await harness.until(handle, "awaiting approval")
    await harness.until_true(lambda: any(one.occasion is Occasion.APPROVAL for one in harness.world.told))
    question = of(harness, Occasion.APPROVAL)
    content = str(message(question)["content"])
    assert len(content) <= 2000
    plain = content.replace("\\", "")
    for whole in ("approve ServiceDown/backend", "deny ServiceDown/backend", "kill process 77 (thief)"):
        assert whole in plain
    assert all(one.address in content for one in question.links)
    assert len(mrkdwn(question)) < 4000


async def test_it_is_resolved(harness: Harness) -> None:
    await harness.end(await harness.fire(await harness.alert(annotations=WORDS)))
    is_as_kept("Resolved", of(harness, Occasion.RESOLVED))


async def test_a_dry_run(harness: Harness) -> None:
    harness.configure(dry_run=True)
    handle = await harness.fire(await harness.alert(annotations=WORDS))
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(minutes=2))
    is_as_kept("A dry run", of(harness, Occasion.PAGE))


async def test_the_fleet_is_suspended_and_resumed(harness: Harness) -> None:
    await suspend(harness, by="ada", why="a migration")
    await harness.until_true(lambda: len(harness.world.told) == 1)
    is_as_kept("The fleet is suspended", harness.world.told[-1])
    await harness.sleep(timedelta(hours=5))
    is_as_kept("It is suspended still", harness.world.told[-1])
    await resume(harness, by="ada")
    await harness.until_true(lambda: len(harness.world.told) == 3)
    is_as_kept("The fleet goes on", harness.world.told[-1])


async def test_a_maintenance_window(harness: Harness) -> None:
    await begin(harness, service="backend")
    await harness.until_true(lambda: any("Begins" in one.title for one in harness.world.told))
    is_as_kept("A maintenance window", of(harness, Occasion.NOTICE, "Begins"))


async def test_a_check() -> None:
    outside = Outside()
    async with ending(outside) as end:
        await end(check_report(Item(name="cost", found=ItemResult(state=ItemState.BAD, reason="66 USD"))))
    is_as_kept("A check", outside.told[0])
