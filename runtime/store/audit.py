"""Reads the whole store, and names each row that is not as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from models.base import Model
from runtime.store.chain import BEGINNING, REMOVED, Entry, Event, first, position_of
from runtime.store.database import Database, Row, Transaction
from runtime.store.guards import missing_guards
from runtime.store.projection import EMPTY, folded
from runtime.store.schema import check_step, get
from runtime.store.store import BASE, HEAD

AT_A_TIME = 500
"""Incidents that are read together."""
LEDGER = "the ledger"


class Wrong(StrEnum):
    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    REORDERED = "reordered"
    EARLY = "removed before its time"
    UNGUARDED = "not guarded"
    """The database refuses no change of a table: its trigger is gone, off or another one."""
    UNKNOWN = "not kept any more"
    """A head that is older than the ledger: whether anything was changed since then cannot be told by it."""


class Finding(Model):
    """The first row of an incident, or of the ledger, that is not as it was written."""

    wrong: Wrong
    incident: str
    run_id: str = ""
    row: int
    at: str = ""
    """When the row was; for a missing one, when the row before it was."""

    @property
    def says(self) -> str:
        if self.wrong is Wrong.UNKNOWN:
            return f"{self.incident}: row {self.row} is not kept any more: note a new head"
        if self.wrong is Wrong.UNGUARDED:
            return f"{self.incident}: changes are not refused: this trigger is missing, off or another one"
        run = f" (run {self.run_id})" if self.run_id else ""
        time = f", {'after ' if self.wrong is Wrong.MISSING else ''}{self.at}" if self.at else ""
        if self.wrong is Wrong.EARLY:
            return f"{self.incident}{run}: it was removed before its time{time}"
        return f"{self.incident}{run}: row {self.row} is {self.wrong}{time}"


class Audit(Model):
    """What a look at the whole store found."""

    incidents: int
    events: int
    removed: int
    """Incidents that the ledger says were removed; it forgets the oldest."""
    head: str
    """The end of the ledger, as NUMBER:HASH. Noted elsewhere, it shows later that nobody wrote all anew."""
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings


async def audit(database: Database, noted: str = "", keep: timedelta = timedelta()) -> Audit:
    """Verify everything. `noted`: a head of earlier; `keep`: how long all is kept. Raises StoreAway."""
    async with database.reading() as one:
        await check_step(database, one)
        ledger = [Entry.of(row) for row in await one.rows("SELECT * FROM runbooks_ledger ORDER BY number")]
        head, base = await get(one, HEAD), await get(one, BASE)
        rows = await one.rows("SELECT * FROM runbooks_incidents ORDER BY opened_at, run_id")
        found = [
            Finding(wrong=Wrong.UNGUARDED, incident=name, row=0)
            for name in await missing_guards(database, one)
        ]
        found += [*_ledger(ledger, head, base), *_noted(ledger, base, noted), *_early(ledger, keep)]
        last = {entry.run_id: entry for entry in ledger}
        kept = {row["run_id"]: row for row in rows}
        events = 0
        named = [one_of for one_of in dict.fromkeys([*kept, *last]) if _is_kept(one_of, last)]
        for start in range(0, len(named), AT_A_TIME):
            of_each = await _events(one, named[start : start + AT_A_TIME])
            for run_id in named[start : start + AT_A_TIME]:
                own = of_each.get(run_id, [])
                events += len(own)
                found += _incident(own, last.get(run_id), kept.get(run_id))
        found += await _strangers(one, {*named})
    removed = sum(entry.kind == REMOVED for entry in ledger)
    return Audit(incidents=len(rows), events=events, removed=removed, head=head, findings=tuple(found))


def _is_kept(run_id: str, last: Mapping[str, Entry]) -> bool:
    return run_id not in last or last[run_id].kind != REMOVED


async def _events(one: Transaction, run_ids: Sequence[str]) -> Mapping[str, list[Event]]:
    places = ", ".join(f"${place}" for place in range(1, len(run_ids) + 1))
    ask = f"SELECT * FROM runbooks_events WHERE run_id IN ({places}) ORDER BY run_id, sequence"  # noqa: S608
    rows = map(Event.of, await one.rows(ask, *run_ids))
    return {run_id: list(own) for run_id, own in groupby(rows, key=lambda event: event.run_id)}


async def _strangers(one: Transaction, known: set[str]) -> list[Finding]:
    """Events of incidents that nothing else tells of."""
    rows = await one.rows(
        "SELECT run_id, min(at) AS at, min(sequence) AS row FROM runbooks_events GROUP BY run_id"
    )
    return [
        Finding(wrong=Wrong.INSERTED, incident="an unknown incident", **row)
        for row in rows
        if row["run_id"] not in known
    ]


def _incident(events: Sequence[Event], last: Entry | None, row: Row | None) -> Iterator[Finding]:
    name = row["id"] if row else last.id if last else ""
    run_id = row["run_id"] if row else last.run_id if last else ""

    def finding(wrong: Wrong, place: int, at: str) -> Finding:
        return Finding(wrong=wrong, incident=name, run_id=run_id, row=place, at=at)

    if last is None:
        yield finding(Wrong.INSERTED, 1, events[0].at if events else "")
        return
    if broken := _first_broken(events, first(run_id), last):
        yield finding(*broken)
    elif row is None:
        yield finding(Wrong.MISSING, 0, events[-1].at)
    elif not _is_of(row, events, last):
        yield finding(Wrong.CHANGED, 0, events[-1].at)


def _is_of(row: Row, events: Sequence[Event], last: Entry) -> bool:
    """Whether the row by which an incident is found, and how far it was read, are what its events say."""
    position = row.get("position")
    same = folded(EMPTY, events) == {name: row[name] for name in EMPTY}
    return same and position in (None, position_of(last.head, row["seen"]))


def _first_broken(events: Sequence[Event], before: str, last: Entry) -> tuple[Wrong, int, str] | None:
    hashes = {event.hash for event in events}
    expected, at = before, ""
    for place, event in enumerate(events, 1):
        if event.bound != event.hash:
            return Wrong.CHANGED, event.sequence, event.at
        if event.previous != expected:
            return _out_of_place(events, place, event, expected, hashes, at)
        if event.sequence != place:
            return Wrong.MISSING if event.sequence > place else Wrong.REORDERED, place, at
        expected, at = event.hash, event.at
    return _end(events, expected, last, at)


def _end(events: Sequence[Event], head: str, last: Entry, at: str) -> tuple[Wrong, int, str] | None:
    if len(events) < last.sequence:
        return Wrong.MISSING, len(events) + 1, at
    if len(events) > last.sequence:
        return Wrong.INSERTED, last.sequence + 1, events[last.sequence].at
    if head != last.head:
        return Wrong.CHANGED, last.sequence, at
    return None


def _out_of_place(
    events: Sequence[Event], place: int, event: Event, expected: str, hashes: set[str], at: str
) -> tuple[Wrong, int, str]:
    """A row that does not follow the one before it: which of the two is wrong?"""
    two_before = events[place - 2].previous if place > 1 else ""
    if event.previous == two_before:
        return Wrong.INSERTED, events[place - 2].sequence, events[place - 2].at
    if place < len(events) and events[place].previous == expected:
        swapped = event.previous == events[place].hash
        return Wrong.REORDERED if swapped else Wrong.INSERTED, event.sequence, event.at
    if event.previous in hashes:
        return Wrong.REORDERED, event.sequence, event.at
    return Wrong.MISSING, place, at


def _ledger(ledger: Sequence[Entry], head: str, base: str) -> Iterator[Finding]:
    number, _, previous = (base or f"0:{BEGINNING}").partition(":")
    place, at = int(number) + 1, ""
    for entry in ledger:
        if entry.number != place or entry.previous != previous:
            yield Finding(wrong=Wrong.MISSING, incident=LEDGER, row=place, at=at)
            return
        if entry.bound != entry.hash:
            yield Finding(wrong=Wrong.CHANGED, incident=LEDGER, row=place, at=entry.at)
            return
        place, previous, at = place + 1, entry.hash, entry.at
    if head and head != f"{place - 1}:{previous}":
        yield Finding(wrong=Wrong.MISSING, incident=LEDGER, row=place, at=at)


def _noted(ledger: Sequence[Entry], base: str, noted: str) -> Iterator[Finding]:
    """Whether the ledger still has the row that somebody noted."""
    number, _, known = noted.partition(":")
    first_place = int((base or "0").partition(":")[0])
    if not noted:
        return
    if int(number) < first_place:
        yield Finding(wrong=Wrong.UNKNOWN, incident=LEDGER, row=int(number))
        return
    here = {entry.number: entry for entry in ledger}.get(int(number))
    at_base = f"{number}:{known}" == base
    if not at_base and (here is None or here.hash != known):
        wrong = Wrong.CHANGED if here else Wrong.MISSING
        yield Finding(wrong=wrong, incident=LEDGER, row=int(number), at=here.at if here else "")


def _early(ledger: Sequence[Entry], keep: timedelta) -> Iterator[Finding]:
    """Removed incidents that had grown within this time before; and the last one where the ledger has
    forgotten rows that are younger."""
    grown, now = dict[str, str](), datetime.now(UTC)
    early, removed = list[Entry](), list[Entry]()

    def is_early(entry: Entry, since: str) -> bool:
        return min(datetime.fromisoformat(entry.at), now) - datetime.fromisoformat(since) < keep

    for entry in ledger:
        if entry.kind != REMOVED:
            grown[entry.run_id] = entry.at
            continue
        removed.append(entry)
        if entry.run_id in grown and is_early(entry, grown[entry.run_id]):
            early.append(entry)
    if removed and removed[-1] not in early and is_early(removed[-1], ledger[0].at):
        early.append(removed[-1])
    for entry in early:
        yield Finding(
            wrong=Wrong.EARLY, incident=entry.id, run_id=entry.run_id, row=entry.number, at=entry.at
        )
