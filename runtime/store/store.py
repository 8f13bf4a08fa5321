"""Stores what is new of incidents: each fact once, whatever dies, and however many processes store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from runtime.incidents import IncidentLine
from runtime.store.chain import BEGINNING, GROWN, REMOVED, Entry, Event, first, link, position_of
from runtime.store.database import Database, Transaction
from runtime.store.facts import Fact, Told, Topic
from runtime.store.projection import EMPTY, folded
from runtime.store.schema import REMOVING, brought_up_to_date, get, put

MOST_EVENTS = 5_000
"""Of one incident; after so many only how it ended is stored."""
MOST_REMOVED = 100
"""Incidents that are removed in one round."""
HEAD, BASE = "head", "base"
"""Where the ledger ends, and what stood before its first row, as NUMBER:HASH."""
CLAIMED, CLOSED_UNTIL = "round", "closed until"


class Known(NamedTuple):
    """What is stored of an incident: its last run, its length then, and whether it is closed."""

    id: str
    last_run: str
    seen: int
    closed: bool


@dataclass(frozen=True)
class Growth:
    """What was found of one incident, by the run in which it began."""

    began_in: str
    line: IncidentLine
    facts: Sequence[Fact]
    seen: int
    """Events of its history before it was asked."""
    knew: int = 0
    """What was stored as `seen` then: a history only grows, so more than `seen` was nobody's answer."""


def moment(at: datetime) -> str:
    """A time as it is stored: in UTC, always as long, so that it sorts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class IncidentStore:
    """The writing side. Every method may raise StoreAway."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def prepare(self) -> None:
        """Bring the schema up to date."""
        await brought_up_to_date(self.database)

    async def claim(self, now: datetime, every: timedelta) -> bool:
        """Whether this process makes the next round, of all that do. A clock that was wrong blocks nobody."""
        async with self.database.writing() as one:
            last = await get(one, CLAIMED)
            if last and abs(now - datetime.fromisoformat(last)) < every:
                return False
            await put(one, CLAIMED, moment(now))
            return True

    async def closed_until(self) -> datetime | None:
        """What closed before is stored already."""
        async with self.database.reading() as one:
            until = await get(one, CLOSED_UNTIL)
        return datetime.fromisoformat(until) if until else None

    async def all_closed_until(self, until: datetime) -> None:
        async with self.database.writing() as one:
            await put(one, CLOSED_UNTIL, moment(until))

    async def known(self, since: datetime | None) -> Mapping[str, Known]:
        """Those that are open here, or closed since then, by the run in which they began."""
        ask = "SELECT run_id, id, last_run, seen, closed_at FROM runbooks_incidents"
        async with self.database.reading() as one:
            rows = await one.rows(
                f"{ask} WHERE closed_at = '' OR closed_at >= $1", moment(since) if since else ""
            )
        return {
            row["run_id"]: Known(row["id"], row["last_run"], row["seen"], bool(row["closed_at"]))
            for row in rows
        }

    async def append(self, growths: Sequence[Growth], now: datetime) -> int:
        """Store what is new of them, all or nothing. The number of events."""
        async with self.database.writing() as one:
            return sum([await _append(one, growth, moment(now)) for growth in growths])

    async def remove_closed_before(self, until: datetime, now: datetime) -> int:
        """Remove whole incidents, some of them, of which nothing was stored since; the ledger says so. Their
        number."""
        async with self.database.writing() as one:
            rows = await one.rows(
                "SELECT run_id, id FROM runbooks_incidents i WHERE closed_at <> '' AND closed_at < $1 AND "
                "NOT EXISTS (SELECT 1 FROM runbooks_ledger l WHERE l.run_id = i.run_id AND l.at >= $1) "
                "ORDER BY closed_at LIMIT $2",
                moment(until),
                MOST_REMOVED,
            )
            if not rows:
                return 0
            await put(one, REMOVING, "yes")
            for row in rows:
                await _remove(one, row["run_id"], row["id"], moment(now))
            await _shorten_ledger(one)
            await one.run("DELETE FROM runbooks_meta WHERE name = $1", REMOVING)
            return len(rows)


async def _append(one: Transaction, growth: Growth, now: str) -> int:
    run_id = growth.began_in
    stored = await one.rows(
        "SELECT topic, fact, hash FROM runbooks_events WHERE run_id = $1 ORDER BY sequence", run_id
    )
    found = await one.rows("SELECT * FROM runbooks_incidents WHERE run_id = $1", run_id)
    before = found[0] if found else None
    if before and (before["closed_at"] or _is_older(growth, before)):
        return 0
    new = _events(growth, [(row["topic"], row["fact"]) for row in stored], now)
    previous = stored[-1]["hash"] if stored else first(run_id)
    events = list[Event]()
    for place, (fact, topic, digest) in enumerate(new, len(stored) + 1):
        row = (run_id, moment(fact.at), now, topic, digest, fact.text)
        events.append(Event(run_id, place, *row[1:], previous, link(previous, *row)))
        previous = events[-1].hash
    insert = "INSERT INTO runbooks_events VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    await one.run_each(insert, events)
    await _keep_row(one, growth, folded(before or EMPTY, events), position_of(previous, growth.seen))
    if events:
        await _grow_ledger(one, now, GROWN, run_id, growth.line.id, events[-1].sequence, previous)
    return len(events)


def _is_older(growth: Growth, before: Mapping[str, Any]) -> bool:
    """Another process asked later, and was faster."""
    asked = growth.line.open and growth.line.run_id == before["last_run"]
    return asked and growth.seen < int(before["seen"]) != growth.knew


def _events(growth: Growth, stored: Sequence[tuple[str, str]], now: str) -> Sequence[tuple[Fact, str, str]]:
    """The facts that are new, with their topic and their digest. Of equal ones as many are new as there are
    more of."""
    count, last = Counter(stored), dict(stored)
    heard = Counter[tuple[str, str]]()
    new = list[tuple[Fact, str, str]]()
    for fact in growth.facts:
        topic = f"{fact.topic}:{fact.part}" if fact.part else fact.topic.value
        key = (topic, fact.digest)
        heard[key] += 1
        is_new = {
            Told.ONCE: topic not in last,
            Told.CHANGED: last.get(topic) != fact.digest,
            Told.EACH: heard[key] > count[key],
        }[fact.told]
        room = len(stored) + len(new) < MOST_EVENTS or fact.topic in (Topic.REVIEW, Topic.CLOSED)
        if is_new and room:
            new.append((fact, topic, fact.digest))
            last[topic] = fact.digest
    return new


async def _keep_row(one: Transaction, growth: Growth, row: Mapping[str, Any], position: str) -> None:
    values = {"run_id": growth.began_in, **row, "seen": growth.seen, "position": position}
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    renewed = ", ".join(f"{name} = excluded.{name}" for name in values if name != "run_id")
    await one.run(
        f"INSERT INTO runbooks_incidents ({', '.join(values)}) VALUES ({places}) "  # noqa: S608 - names of columns
        f"ON CONFLICT (run_id) DO UPDATE SET {renewed}",
        *values.values(),
    )


async def _grow_ledger(
    one: Transaction, at: str, kind: str, run_id: str, incident: str, sequence: int, head: str
) -> None:
    number, _, previous = (await get(one, HEAD) or f"0:{BEGINNING}").partition(":")
    row = (int(number) + 1, at, kind, run_id, incident, sequence, head)
    entry = Entry(*row, previous, link(previous, *row))
    await one.run("INSERT INTO runbooks_ledger VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", *entry)
    await put(one, HEAD, f"{entry.number}:{entry.hash}")


async def _remove(one: Transaction, run_id: str, incident: str, now: str) -> None:
    (last,) = await one.rows(
        "SELECT sequence, head FROM runbooks_ledger WHERE run_id = $1 ORDER BY number DESC LIMIT 1", run_id
    )
    await one.run("DELETE FROM runbooks_events WHERE run_id = $1", run_id)
    await one.run("DELETE FROM runbooks_incidents WHERE run_id = $1", run_id)
    await _grow_ledger(one, now, REMOVED, run_id, incident, last["sequence"], last["head"])


async def _shorten_ledger(one: Transaction) -> None:
    """Its beginning is not needed once it tells of removed incidents alone. The last row of one that grew
    stays: it shows how old all before it were."""
    (kept,) = await one.rows(
        "SELECT min(l.number) AS number FROM runbooks_ledger l "
        "JOIN runbooks_incidents i ON i.run_id = l.run_id"
    )
    end = int((await get(one, HEAD)).partition(":")[0])
    until = min(int(kept["number"] or end), end)
    (last,) = await one.rows(
        "SELECT max(number) AS number FROM runbooks_ledger WHERE number < $1 AND kind = $2", until, GROWN
    )
    if last["number"] is None:
        return
    (row,) = await one.rows("SELECT number, previous FROM runbooks_ledger WHERE number = $1", last["number"])
    await put(one, BASE, f"{row['number'] - 1}:{row['previous']}")
    await one.run("DELETE FROM runbooks_ledger WHERE number < $1", row["number"])
