"""What is stored: each fact once, in both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from models.configuration.configuration import Configuration
from models.incident.incident import Entry, Phase, Through
from models.redaction.known import KNOWN
from runtime.store import schema
from runtime.store.audit import audit
from runtime.store.database import Database, StoreAway
from runtime.store.opening import database_of
from runtime.store.store import IncidentStore
from tests.integration.store.conftest import every, unguarded
from tests.parts.store.stored import BEGAN, growth_of, review_of, state_of

TEXTS = "SELECT topic, body FROM runbooks_events ORDER BY run_id, sequence"


@pytest.fixture
async def store(database: Database) -> IncidentStore:
    store = IncidentStore(database)
    await store.prepare()
    return store


async def test_what_is_asked_again_is_stored_once(store: IncidentStore, database: Database) -> None:
    first = growth_of(state_of("began", "restarted it", "restarted it"), seen=10)
    more = growth_of(state_of("began", "restarted it", "restarted it", "well again"), seen=20)
    assert await store.append([first], BEGAN) == 5  # opened, three lines, the status
    assert await store.append([first, more, more], BEGAN) == 1
    assert sum("restarted" in row["body"] for row in await every(database, TEXTS)) == 2
    assert (await audit(database)).ok


async def test_two_processes_that_store_the_same_at_once_store_it_once(
    store: IncidentStore, database: Database
) -> None:
    both = [IncidentStore(database), IncidentStore(database)]
    growths = [growth_of(state_of("began", "acted"), run_id=f"run-{n}") for n in range(5)]
    stored = await asyncio.gather(*(one.append(growths, BEGAN) for one in both))
    assert sum(stored) == 5 * 4
    found = await audit(database)
    assert (found.ok, found.incidents, found.events) == (True, 5, 20)


async def test_a_process_that_asked_earlier_and_comes_later_changes_nothing(
    store: IncidentStore, database: Database
) -> None:
    early, late = state_of("began", phase=Phase.ACTING), state_of("began", "proved", phase=Phase.VERIFYING)
    await store.append([growth_of(late, seen=20)], BEGAN)
    assert await store.append([growth_of(early, seen=10)], BEGAN) == 0
    (row,) = await every(database, "SELECT phase FROM runbooks_incidents")
    assert row["phase"] == "verifying"


async def test_a_length_that_no_history_has_does_not_keep_it_from_being_stored(
    store: IncidentStore, database: Database
) -> None:
    await store.append([growth_of(state_of("began"), seen=10)], BEGAN)
    async with database.writing() as one:
        await one.run("UPDATE runbooks_incidents SET seen = 1000000000000000")
    known = (await store.known(None))["run-1"]
    more = replace(growth_of(state_of("began", "acted"), seen=20), knew=known.seen)
    assert await store.append([more], BEGAN) == 1
    assert (await store.known(None))["run-1"].seen == 20


async def test_what_a_transaction_could_not_finish_is_not_there_at_all(
    store: IncidentStore, database: Database
) -> None:
    good, bad = growth_of(state_of("began"), run_id="run-1"), growth_of(state_of("began"), run_id="run-2")
    bad.facts[0].body["unfit"] = object()  # type: ignore[index]
    with pytest.raises(TypeError):
        await store.append([good, bad], BEGAN)
    assert await every(database, TEXTS) == []
    assert await store.append([good], BEGAN) == 3


async def test_the_words_of_a_person_and_the_end_are_found_in_the_row(
    store: IncidentStore, database: Database
) -> None:
    state = state_of("began", phase=Phase.CLOSED)
    word = Entry(at=BEGAN, text="approved: we saw this in May", by="anna", through=Through.INTAKE)
    state = state.model_copy(update={"timeline": (*state.timeline, word)})
    await store.append([growth_of(state, review=review_of(state))], BEGAN)
    topics = [row["topic"] for row in await every(database, TEXTS)]
    assert topics == ["opened", "entry", "word", "status", "review", "closed"]
    (row,) = await every(database, "SELECT * FROM runbooks_incidents")
    assert (row["cause"], row["outcome"], row["recovered_after"]) == ("crash", "resolved", 240)
    assert "we saw this in may" in row["words"]


async def test_a_secret_that_slipped_into_a_line_is_not_stored(
    store: IncidentStore, database: Database
) -> None:
    secret = 'hunter2"\\ö-and-more-0815'
    KNOWN.remember(secret)
    await store.append([growth_of(state_of(f"said {secret} aloud"))], BEGAN)
    rows = await every(database, TEXTS) + await every(database, "SELECT words FROM runbooks_incidents")
    assert "aloud" in str(rows)
    assert "hunter2" not in str(rows)


async def test_texts_that_databases_dislike_are_stored(store: IncidentStore, database: Database) -> None:
    await store.append([growth_of(state_of("nul \0, half \ud83d, robot \U0001f916, quote '"))], BEGAN)
    assert (await audit(database)).ok


async def test_one_event_is_bounded(store: IncidentStore, database: Database) -> None:
    await store.append([growth_of(state_of("x" * 500_000))], BEGAN)
    assert max(len(row["body"]) for row in await every(database, TEXTS)) < 70_000
    assert (await audit(database)).ok


@pytest.mark.parametrize("step", [0, 1, 2, 3])
async def test_an_older_schema_is_brought_up_to_date_with_what_is_in_it(
    database: Database, step: int
) -> None:
    store = IncidentStore(database)
    if step:
        await store.prepare()
        await store.append([growth_of(state_of("before"))], BEGAN)
        await back_to(database, step)
    await asyncio.gather(store.prepare(), IncidentStore(database).prepare())  # two processes start
    await store.prepare()
    assert await store.append([growth_of(state_of("after"), run_id="run-2")], BEGAN) == 3
    found = await audit(database)
    assert (found.findings, found.incidents) == ((), 2 if step else 1)


async def back_to(database: Database, step: int) -> None:
    """The schema of an earlier version, with the same rows."""
    undone = {
        4: ("ALTER TABLE runbooks_incidents DROP COLUMN position",),
        3: tuple(f"DROP INDEX {one.split()[2]}" for one in schema.INDEXES),
        2: tuple(
            f"DROP TRIGGER {table}_{name}{f' ON {table}' if database.kind == 'postgres' else ''}"
            for table in schema.KEPT
            for name in ("kept", "whole")
        ),
    }
    async with database.writing() as one:
        for later in range(4, step, -1):
            for statement in undone[later]:
                await one.run(statement)
        await schema.put(one, "schema", str(step))


async def test_a_store_of_a_newer_version_is_left_alone(store: IncidentStore, database: Database) -> None:
    async with database.writing() as one:
        await schema.put(one, "schema", "99")
    with pytest.raises(StoreAway, match="newer version"):
        await store.prepare()
    with pytest.raises(StoreAway, match="newer version"):
        await audit(database)


@pytest.mark.parametrize("table", ["runbooks_events", "runbooks_ledger"])
@pytest.mark.parametrize("change", ["UPDATE {} SET at = 'x'", "DELETE FROM {}"])
async def test_the_database_itself_refuses_to_change_what_is_stored(
    store: IncidentStore, database: Database, table: str, change: str
) -> None:
    await store.append([growth_of(state_of("began"))], BEGAN)
    with pytest.raises(StoreAway, match="never changed"):
        async with database.writing() as one:
            await one.run(change.format(table))


async def test_what_is_past_its_time_goes_as_a_whole_and_the_rest_is_still_proved(
    store: IncidentStore, database: Database
) -> None:
    for day in range(4):
        began = BEGAN + timedelta(days=day)
        state = state_of("began", phase=Phase.CLOSED if day != 1 else Phase.ACTING)
        await store.append([growth_of(state, run_id=f"run-{day}", began=began)], began)
    noted = (await audit(database)).head
    assert await store.remove_closed_before(BEGAN + timedelta(days=3), BEGAN + timedelta(days=9)) == 2
    found = await audit(database, noted)
    assert (found.findings, found.incidents, found.removed) == ((), 2, 2)
    assert {row["run_id"] for row in await every(database, "SELECT run_id FROM runbooks_events")} == {
        "run-1",
        "run-3",
    }
    assert await store.append([growth_of(state_of("new"), run_id="run-9")], BEGAN) == 3
    assert (await audit(database)).ok
    async with unguarded(database) as one:
        await one.run("DELETE FROM runbooks_ledger WHERE run_id = 'run-1'")
    assert not (await audit(database)).ok


async def test_one_process_of_two_makes_a_round_and_a_wrong_clock_blocks_nobody(
    store: IncidentStore, database: Database
) -> None:
    every_time = timedelta(seconds=15)
    other = IncidentStore(database)
    claims = [await store.claim(BEGAN, every_time), await other.claim(BEGAN, every_time)]
    assert claims == [True, False]
    assert await other.claim(BEGAN - timedelta(hours=1), every_time)
    assert await other.claim(BEGAN + timedelta(hours=9), every_time)


def test_without_an_address_the_store_is_a_file_beside_the_reviews() -> None:
    assert database_of(Configuration()).where == "var/store/incidents.sqlite"
