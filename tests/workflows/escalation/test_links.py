"""Each message leads to what it is about, where the configuration says how people reach it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from models.incident.announcement import Addresses, Announcement, Link, Occasion
from tests.workflows.harness import Harness
from tests.workflows.sights import TAKEN_PORT
from tests.workflows.switch import resume, suspend

UI, INTAKE = "https://temporal.example.com/ui/", "https://runbooks.example.com"
BOTH = {"temporal": {"ui": UI}, "intake": {"public_url": INTAKE}}


def addresses(messages: Iterable[Announcement]) -> set[tuple[str, ...]]:
    return {tuple(one.address for one in message.links) for message in messages}


async def test_a_page_a_question_a_notice_and_the_end_lead_to_the_incident(harness: Harness) -> None:
    harness.configure(**BOTH)
    harness.world.port, harness.world.works = TAKEN_PORT, False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.until(handle, "escalated")
    await harness.until_true(lambda: any(one.occasion is Occasion.PAGE for one in harness.world.told))
    await harness.closes(handle)
    assert {one.occasion for one in harness.world.told} == {*Occasion} - {Occasion.PROGRESS}
    run = (await handle.describe()).run_id
    assert addresses(harness.world.told) == {
        (
            "https://runbooks.example.com/incidents/ServiceDown/backend",
            f"https://temporal.example.com/ui/namespaces/default/workflows/ServiceDown%2Fbackend/{run}",
        )
    }


async def test_what_is_told_for_the_fleet_leads_to_the_control_room(harness: Harness) -> None:
    harness.configure(**BOTH)
    await suspend(harness, by="ada", why="a migration")
    await resume(harness, by="ada")
    await harness.until_true(lambda: len(harness.world.told) == 2)
    ((board, room),) = addresses(harness.world.told)
    assert room.startswith("https://temporal.example.com/ui/namespaces/default/workflows/control-room/")
    assert board == "https://runbooks.example.com/"


async def test_without_an_address_no_message_has_a_link(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert())
    await harness.end(handle)
    await harness.sleep(timedelta(seconds=1))
    assert addresses(harness.world.told) == {()}


def test_what_an_id_or_namespace_has_is_quoted() -> None:
    both = Addresses(intake=INTAKE, temporal_ui="https://ui.example.com")
    assert both.of_incident("Disk #1?/web 1%", "1a2b", "prod/eu") == (
        Link(
            says="Open the incident",
            address="https://runbooks.example.com/incidents/Disk%20%231%3F/web%201%25",
        ),
        Link(
            says="Open the incident in Temporal",
            address="https://ui.example.com/namespaces/prod%2Feu/workflows/Disk%20%231%3F%2Fweb%201%25/1a2b",
        ),
    )
