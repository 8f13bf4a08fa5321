"""The tables, step by step: a store is brought from whatever step it has to the newest, under its lock.

A step that was released is never edited; a change is a new step.
"""

from __future__ import annotations

from runtime.store.chain import first, position_of
from runtime.store.database import Database, StoreAway, StoreEmpty, Transaction

TABLES = (
    """CREATE TABLE runbooks_incidents (
        run_id TEXT PRIMARY KEY, id TEXT NOT NULL, alert TEXT NOT NULL, service TEXT NOT NULL,
        runbook TEXT NOT NULL, severity TEXT NOT NULL, phase TEXT NOT NULL, outcome TEXT NOT NULL,
        cause TEXT NOT NULL, summary TEXT NOT NULL, ended TEXT NOT NULL, opened_at TEXT NOT NULL,
        closed_at TEXT NOT NULL, recovered_after BIGINT, dry_run INTEGER NOT NULL, words TEXT NOT NULL,
        last_run TEXT NOT NULL, seen BIGINT NOT NULL)""",
    """CREATE TABLE runbooks_events (
        run_id TEXT NOT NULL, sequence BIGINT NOT NULL, at TEXT NOT NULL, stored_at TEXT NOT NULL,
        topic TEXT NOT NULL, fact TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL,
        hash TEXT NOT NULL, PRIMARY KEY (run_id, sequence))""",
    """CREATE TABLE runbooks_ledger (
        number BIGINT PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, run_id TEXT NOT NULL,
        id TEXT NOT NULL, sequence BIGINT NOT NULL, head TEXT NOT NULL, previous TEXT NOT NULL,
        hash TEXT NOT NULL)""",
)
INDEXES = (
    "CREATE INDEX runbooks_incidents_opened ON runbooks_incidents (opened_at)",
    "CREATE INDEX runbooks_incidents_closed ON runbooks_incidents "
    "(closed_at, service, alert, outcome, cause)",
    "CREATE INDEX runbooks_incidents_id ON runbooks_incidents (id, opened_at)",
    "CREATE INDEX runbooks_incidents_service ON runbooks_incidents (service, opened_at)",
    "CREATE INDEX runbooks_ledger_run ON runbooks_ledger (run_id, number)",
)
POSITIONS = (
    # What binds how far Temporal was read to the last row of an incident: `link` of its hash and `seen`.
    "ALTER TABLE runbooks_incidents ADD COLUMN position TEXT NOT NULL DEFAULT ''",
)
KEPT = ("runbooks_events", "runbooks_ledger")
"""Tables of which no row is ever changed, and none deleted but by the retention, which says that it does."""
REMOVING = "removing"
"""Set in `runbooks_meta` within a transaction that removes what is past the retention."""


REFUSE_BODY = """
        BEGIN
            IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM runbooks_meta WHERE name = 'removing') THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'what is stored is never changed';
        END """


def refusing(kind: str) -> tuple[str, ...]:
    """What makes the database itself refuse a change of what is stored."""
    if kind == "sqlite":
        says = "RAISE(ABORT, 'what is stored is never changed')"
        removing = "(SELECT 1 FROM runbooks_meta WHERE name = 'removing')"
        return tuple(
            statement
            for table in KEPT
            for statement in (
                f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} BEGIN SELECT {says}; END",
                f"CREATE TRIGGER {table}_whole BEFORE DELETE ON {table} WHEN NOT EXISTS {removing} "
                f"BEGIN SELECT {says}; END",
            )
        )
    refuse = "CREATE OR REPLACE FUNCTION runbooks_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    refuse += f"$body${REFUSE_BODY}$body$"
    return (refuse, *(
        statement
        for table in KEPT
        for statement in (
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION runbooks_refuse()",
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION runbooks_refuse()",
        )
    ))  # fmt: skip


def steps(kind: str) -> tuple[tuple[str, ...], ...]:
    """The statements of each step, the first one first."""
    return (TABLES, refusing(kind), INDEXES, POSITIONS)


async def brought_up_to_date(database: Database) -> None:
    """Safe to run in several processes at once, and again. Raises StoreAway."""
    async with database.writing() as one:
        if await database.is_empty(one):
            await one.run("CREATE TABLE runbooks_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        has, newest = await _step(one), steps(database.kind)
        _refuse_newer(has, database)
        for step in newest[has:]:
            for statement in step:
                await one.run(statement)
            if step is POSITIONS:
                await _bind_positions(one)
        if has < len(newest):
            await put(one, "schema", str(len(newest)))


async def _bind_positions(one: Transaction) -> None:
    """Of the incidents that were stored before."""
    rows = await one.rows(
        "SELECT i.run_id, i.seen, (SELECT e.hash FROM runbooks_events e WHERE e.run_id = i.run_id "
        "ORDER BY e.sequence DESC LIMIT 1) AS head FROM runbooks_incidents i"
    )
    bound = [(position_of(row["head"] or first(row["run_id"]), row["seen"]), row["run_id"]) for row in rows]
    await one.run_each("UPDATE runbooks_incidents SET position = $1 WHERE run_id = $2", bound)


async def check_step(database: Database, one: Transaction) -> None:
    """Raises StoreAway where a reader of this version does not understand the store."""
    if await database.is_empty(one):
        raise StoreEmpty(f"nothing is stored yet in {database.where}")
    _refuse_newer(await _step(one), database)


async def get(one: Transaction, name: str) -> str:
    """What is kept under a name; an empty string for nothing."""
    found = await one.rows("SELECT value FROM runbooks_meta WHERE name = $1", name)
    return str(found[0]["value"]) if found else ""


async def put(one: Transaction, name: str, value: str) -> None:
    keep = "INSERT INTO runbooks_meta (name, value) VALUES ($1, $2)"
    await one.run(f"{keep} ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)


async def _step(one: Transaction) -> int:
    return int(await get(one, "schema") or 0)


def _refuse_newer(has: int, database: Database) -> None:
    if has > len(steps(database.kind)):
        raise StoreAway(f"{database.where} was written by a newer version: upgrade this process")
