"""Somebody who may do everything to the database changes what is stored: the audit finds the place."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from models.incident.incident import Phase
from runtime.store.audit import Wrong, audit
from runtime.store.chain import first, link
from runtime.store.database import Database
from runtime.store.store import IncidentStore
from tests.integration.store.conftest import every, unguarded
from tests.parts.store.stored import BEGAN, growth_of, state_of

TWO = "run_id = 'run-2'"


@pytest.fixture
async def stored(database: Database) -> Database:
    """Three incidents with six rows each; of each the lines are the rows 2 to 5."""
    store = IncidentStore(database)
    await store.prepare()
    for n in (1, 2, 3):
        texts = ("began", "looked", "restarted", "well again")
        await store.append([growth_of(state_of(*texts), run_id=f"run-{n}")], BEGAN)
    assert (await audit(database)).ok
    return database


@pytest.mark.parametrize(
    ("does", "wrong", "row"),
    [
        ("UPDATE runbooks_events SET body = replace(body, 'restarted', 'looked') WHERE TWO AND sequence = 4",
         Wrong.CHANGED, 4),
        ("UPDATE runbooks_events SET at = '2026-11-01T04:00' WHERE TWO AND sequence = 3", Wrong.CHANGED, 3),
        ("DELETE FROM runbooks_events WHERE TWO AND sequence = 3", Wrong.MISSING, 3),
        ("DELETE FROM runbooks_events WHERE TWO AND sequence = 1", Wrong.MISSING, 1),
        ("DELETE FROM runbooks_events WHERE TWO AND sequence = 6", Wrong.MISSING, 6),
        ("DELETE FROM runbooks_events WHERE TWO AND sequence > 2", Wrong.MISSING, 3),
        ("DELETE FROM runbooks_events WHERE TWO", Wrong.MISSING, 1),
        ("DELETE FROM runbooks_events WHERE TWO AND sequence = 3; "
         "UPDATE runbooks_events SET sequence = sequence - 100 WHERE TWO AND sequence > 3; "
         "UPDATE runbooks_events SET sequence = sequence + 99 WHERE TWO AND sequence < 0", Wrong.MISSING, 3),
        ("UPDATE runbooks_events SET sequence = 99 WHERE TWO AND sequence = 3; "
         "UPDATE runbooks_events SET sequence = 3 WHERE TWO AND sequence = 4; "
         "UPDATE runbooks_events SET sequence = 4 WHERE TWO AND sequence = 99", Wrong.REORDERED, 3),
        ("UPDATE runbooks_incidents SET cause = 'an act of god' WHERE TWO", Wrong.CHANGED, 0),
        ("UPDATE runbooks_incidents SET last_run = 'another' WHERE TWO", Wrong.CHANGED, 0),
        ("UPDATE runbooks_incidents SET seen = 1000 WHERE TWO", Wrong.CHANGED, 0),
        ("UPDATE runbooks_incidents SET position = '' WHERE TWO", Wrong.CHANGED, 0),
        ("DELETE FROM runbooks_incidents WHERE TWO", Wrong.MISSING, 0),
        ("DELETE FROM runbooks_events WHERE TWO; DELETE FROM runbooks_incidents WHERE TWO", Wrong.MISSING, 1),
    ],
)  # fmt: skip
async def test_the_first_wrong_row_is_named(stored: Database, does: str, wrong: Wrong, row: int) -> None:
    async with unguarded(stored) as one:
        for statement in does.split("; "):
            await one.run(statement.replace("TWO", TWO))
    (found,) = (await audit(stored)).findings
    assert (found.wrong, found.row, found.run_id) == (wrong, row, "run-2")
    assert found.incident == "ServiceDown/backend"


UNGUARDED: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "it is gone": (
        "runbooks_events_kept",
        {
            "sqlite": ("DROP TRIGGER runbooks_events_kept",),
            "postgres": ("DROP TRIGGER runbooks_events_kept ON runbooks_events",),
        },
    ),
    "it is off, as far as there is such a thing": (
        "runbooks_ledger_whole",
        {
            "sqlite": ("DROP TRIGGER runbooks_ledger_whole",),
            "postgres": ("ALTER TABLE runbooks_ledger DISABLE TRIGGER runbooks_ledger_whole",),
        },
    ),
    "another has its name": (
        "runbooks_ledger_kept",
        {
            "sqlite": (
                "DROP TRIGGER runbooks_ledger_kept",
                "CREATE TRIGGER runbooks_ledger_kept BEFORE UPDATE ON runbooks_ledger BEGIN SELECT 1; END",
            ),
            "postgres": (
                "DROP TRIGGER runbooks_ledger_kept ON runbooks_ledger",
                "CREATE TRIGGER runbooks_ledger_kept BEFORE UPDATE ON runbooks_ledger "
                "FOR EACH ROW EXECUTE FUNCTION runbooks_refuse()",
            ),
        },
    ),
    "somebody's own lets everything off": (
        "another",
        {
            "sqlite": (
                "CREATE TRIGGER another AFTER INSERT ON runbooks_events "
                "BEGIN INSERT INTO runbooks_meta VALUES ('removing', '1'); END",
            ),
            "postgres": (
                "CREATE TRIGGER another BEFORE INSERT ON runbooks_events "
                "FOR EACH ROW EXECUTE FUNCTION runbooks_refuse()",
            ),
        },
    ),
    "what lets the retention remove stays": (
        "runbooks_events_whole",
        dict.fromkeys(
            ("sqlite", "postgres"), ("INSERT INTO runbooks_meta (name, value) VALUES ('removing', '1')",)
        ),
    ),
    "it refuses nothing": (
        "runbooks_events_whole",
        {
            "sqlite": (
                "DROP TRIGGER runbooks_events_whole",
                "CREATE TRIGGER runbooks_events_whole BEFORE DELETE ON runbooks_events WHEN 1 = 2 "
                "BEGIN SELECT RAISE(ABORT, 'what is stored is never changed'); END",
            ),
            "postgres": (
                "CREATE OR REPLACE FUNCTION runbooks_refuse() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN NEW; END'",
            ),
        },
    ),
}


@pytest.mark.parametrize(("name", "does"), UNGUARDED.values(), ids=list(UNGUARDED))
async def test_a_table_that_can_be_changed_is_named(
    stored: Database, name: str, does: dict[str, tuple[str, ...]]
) -> None:
    async with stored.writing() as one:
        for statement in does[stored.kind]:
            await one.run(statement)
    findings = (await audit(stored)).findings
    assert {one.wrong for one in findings} == {Wrong.UNGUARDED}
    assert name in " ".join(one.says for one in findings)


@pytest.mark.parametrize("place", [4, 7])
async def test_a_row_that_somebody_put_in_is_named(stored: Database, place: int) -> None:
    """With a hash as it must be, between two rows or after the last one."""
    rows = await every(stored, f"SELECT * FROM runbooks_events WHERE {TWO} ORDER BY sequence")
    before = rows[place - 2]
    body = json.dumps({"text": "approved by the boss"})
    new = ("run-2", before["at"], before["stored_at"], "word", "f", body)
    values = (*new, before["hash"], link(before["hash"], *new))
    async with unguarded(stored) as one:
        await one.run(
            f"UPDATE runbooks_events SET sequence = -sequence - 1 WHERE {TWO} AND sequence >= {place}"
        )
        await one.run(f"UPDATE runbooks_events SET sequence = -sequence WHERE {TWO} AND sequence < 0")
        await one.run(
            f"INSERT INTO runbooks_events VALUES ($1, {place}, $2, $3, $4, $5, $6, $7, $8)", *values
        )
    (found,) = (await audit(stored)).findings
    assert (found.wrong, found.row) == (Wrong.INSERTED, place)


async def test_an_incident_that_somebody_made_up_is_named(stored: Database) -> None:
    new = ("run-9", BEGAN.isoformat(), BEGAN.isoformat(), "opened", "f", "{}")
    async with unguarded(stored) as one:
        await one.run(
            "INSERT INTO runbooks_events VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8)",
            *new, first("run-9"), link(first("run-9"), *new),
        )  # fmt: skip
    (found,) = (await audit(stored)).findings
    assert (found.wrong, found.run_id) == (Wrong.INSERTED, "run-9")


@pytest.mark.parametrize("ledger", ["number = 2", "number = 3"])
async def test_an_incident_that_is_gone_with_all_that_tells_of_it_is_missed(
    stored: Database, ledger: str
) -> None:
    run = "run-2" if ledger == "number = 2" else "run-3"
    async with unguarded(stored) as one:
        for table in ("events", "incidents", "ledger"):
            await one.run(f"DELETE FROM runbooks_{table} WHERE run_id = '{run}'")
    findings = (await audit(stored)).findings
    assert [(one.wrong, one.incident) for one in findings] == [(Wrong.MISSING, "the ledger")]


async def test_a_store_that_was_written_anew_does_not_fit_what_was_noted(
    stored: Database,
) -> None:
    noted = (await audit(stored)).head
    async with unguarded(stored) as one:
        for table in ("events", "incidents", "ledger", "meta"):
            await one.run(
                f"DELETE FROM runbooks_{table} WHERE 1 = 1" + " AND name <> 'schema'" * (table == "meta")
            )
    for n in (1, 2, 3):
        await IncidentStore(stored).append([growth_of(state_of("all well"), run_id=f"run-{n}")], BEGAN)
    assert (await audit(stored)).ok
    (found,) = (await audit(stored, noted)).findings
    assert (found.wrong, found.incident, found.row) == (Wrong.CHANGED, "the ledger", 3)


KEEP = timedelta(days=400)
DAY = timedelta(days=1)


async def closed_each_day(database: Database, began: datetime, days: int = 3) -> list[str]:
    """The head after each of them."""
    store, heads = IncidentStore(database), list[str]()
    await store.prepare()
    for day in range(days):
        at, state = began + day * DAY, state_of("began", phase=Phase.CLOSED)
        await store.append([growth_of(state, run_id=f"run-{day}", began=at)], at + timedelta(hours=1))
        heads.append((await audit(database)).head)
    return heads


async def test_a_head_from_before_what_is_kept_proves_nothing(database: Database) -> None:
    began = datetime.now(UTC) - KEEP - 3 * DAY
    noted = (await closed_each_day(database, began, days=4))[0]
    assert await IncidentStore(database).remove_closed_before(began + 2.5 * DAY, datetime.now(UTC)) == 3
    found = await audit(database, noted, KEEP)
    assert [(one.wrong, one.row) for one in found.findings] == [(Wrong.UNKNOWN, 1)]
    assert "note a new head" in found.findings[0].says
    assert (await audit(database, "", KEEP)).ok


@pytest.mark.parametrize("removed", [1, 2])
async def test_one_that_was_removed_before_its_time_is_named(database: Database, removed: int) -> None:
    """As the retention does it, by somebody who says that it is time; also where its rows are forgotten."""
    began = datetime.now(UTC) - 30 * DAY
    await closed_each_day(database, began)
    until = began + (removed - 0.5) * DAY
    assert await IncidentStore(database).remove_closed_before(until, datetime.now(UTC)) == removed
    found = await audit(database, "", KEEP)
    assert found.removed == removed
    assert {one.wrong for one in found.findings} == {Wrong.EARLY}
    assert f"run-{removed - 1}" in [one.run_id for one in found.findings]
    assert (await audit(database)).ok


async def test_what_goes_day_by_day_past_its_time_is_no_finding(database: Database) -> None:
    began = datetime.now(UTC) - KEEP - 6 * DAY
    await closed_each_day(database, began, days=5)
    for day in range(1, 5):
        now = began + KEEP + (day + 0.5) * DAY
        assert await IncidentStore(database).remove_closed_before(now - KEEP, now)
        state = state_of("new")
        await IncidentStore(database).append([growth_of(state, run_id=f"new-{day}", began=now)], now)
        found = await audit(database, "", KEEP)
        assert found.findings == ()
        assert found.removed
