"""Whether the database still refuses to change what is stored: its triggers stand as they were made."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.store.database import Database, Transaction
from runtime.store.schema import KEPT, REFUSE_BODY, REMOVING, get, refusing

_OF_POSTGRES = {"kept": 1 + 2 + 8 + 16, "whole": 2 + 32}
"""`tgtype`: for each row (1), before (2), delete (8), update (16), truncate (32)."""

LET_OFF = f"{KEPT[0]}_whole, by `{REMOVING}` in runbooks_meta"


async def missing_guards(database: Database, one: Transaction) -> tuple[str, ...]:
    """The triggers that are gone, disabled, not as they were made, or somebody else's, by name.

    What lets the retention remove something is written and taken away in one transaction: it is never seen.
    """
    expected = _expected(database.kind)
    found = await (_in_sqlite(one) if database.kind == "sqlite" else _in_postgres(one))
    others = sorted({*found} - {*expected})
    removing = [LET_OFF] if await get(one, REMOVING) else []
    return (*(name for name, made in expected.items() if found.get(name) != made), *others, *removing)


def _expected(kind: str) -> Mapping[str, object]:
    if kind == "sqlite":
        return {statement.split()[2]: statement for statement in refusing(kind)}
    return {
        f"{table}_{name}": (table, of, True, REFUSE_BODY)
        for table in KEPT
        for name, of in _OF_POSTGRES.items()
    }


async def _in_sqlite(one: Transaction) -> Mapping[str, object]:
    rows = await one.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {row["name"]: row["sql"] for row in rows}


async def _in_postgres(one: Transaction) -> Mapping[str, object]:
    rows = await one.rows(
        "SELECT t.tgname::text AS name, c.relname::text AS kept, t.tgtype::int AS kind, p.prosrc AS body, "
        "t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AS works FROM pg_trigger t "
        "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE NOT t.tgisinternal AND t.tgrelid IN (to_regclass($1), to_regclass($2))",
        *KEPT,
    )
    return {row["name"]: (row["kept"], row["kind"], row["works"], row["body"]) for row in rows}
