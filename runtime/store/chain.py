"""How each row is bound to the one before it: a row that is changed, or missing, breaks what follows."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from runtime.store.database import Row


class Event(NamedTuple):
    """One row of an incident. It is known by its place and by all that it says."""

    run_id: str
    sequence: int
    at: str
    stored_at: str
    topic: str
    fact: str
    body: str
    previous: str
    hash: str

    @classmethod
    def of(cls, row: Row) -> Event:
        return cls(**{name: row[name] for name in cls._fields})

    @property
    def bound(self) -> str:
        """What its hash must be. The sequence is its place in the chain, and not part of it: so a row at a
        wrong place is told from a changed one."""
        return link(self.previous, self.run_id, self.at, self.stored_at, self.topic, self.fact, self.body)


class Entry(NamedTuple):
    """One row of the ledger: which incident grew to which row, or was removed."""

    number: int
    at: str
    kind: str
    run_id: str
    id: str
    sequence: int
    head: str
    previous: str
    hash: str

    @classmethod
    def of(cls, row: Row) -> Entry:
        return cls(**{name: row[name] for name in cls._fields})

    @property
    def bound(self) -> str:
        return link(self.previous, self.number, *self[1:7])


GROWN, REMOVED = "grown", "removed"
BEGINNING = "0"
"""The hash before the first row of a ledger."""


def link(previous: str, *fields: str | int) -> str:
    """The hash of a row after the one with this hash."""
    return hashlib.sha256(json.dumps([previous, *fields]).encode()).hexdigest()


def first(run_id: str) -> str:
    """The hash before the first row of an incident."""
    return link("", run_id)


def position_of(head: str, seen: int) -> str:
    """What binds the length of the history that was read to the last row of an incident."""
    return link(head, seen)
