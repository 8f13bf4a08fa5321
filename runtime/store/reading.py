"""Finds stored incidents: those of a while, by service, alert, outcome, cause and words, page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

from models.base import Model
from models.evidence.evidence import Probes
from models.incident.alert import Alert
from models.incident.incident import Entry, IncidentState, Phase
from models.incident.review import Review
from models.names import Severity
from runtime.incidents import IncidentLine
from runtime.store.database import Database, Row, Transaction
from runtime.store.facts import Topic
from runtime.store.schema import check_step
from runtime.store.store import moment

PAGE = 50
MOST_PAGES = 1_000
NEVER = "1970-01-01T00:00+00:00"
MOST_WORDS = 8
"""Words that are searched at once."""
E = TypeVar("E", bound=StrEnum)
NARROWED = ("service", "alert", "outcome", "cause")


class Search(Model):
    """Which incidents; what is empty narrows nothing."""

    since: datetime | None = None
    """Those that closed since then, or are open."""
    service: str = ""
    alert: str = ""
    outcome: str = ""
    cause: str = ""
    severity: str = ""
    words: str = ""
    """Each must stand in what the alert says, in the timeline or in the ending."""
    closed: bool = False
    """Only closed ones."""
    page: int = 1


class Stored(Model):
    """One incident as it is listed."""

    line: IncidentLine
    began_in: str
    """The run in which it began, by which it is stored."""
    summary: str
    recovered_after: timedelta | None
    """From the alert to the recovery; None where there is no review."""


class Found(Model):
    """One page of what was found, the newest first; of closed ones, what closed last."""

    rows: tuple[Stored, ...]
    total: int
    page: int
    choices: Mapping[str, tuple[str, ...]]
    """The services, alerts, outcomes and causes of this while."""

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


class StoredIncidents:
    """The reading side. Every method may raise StoreAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, search: Search, size: int = PAGE) -> Found:
        """One page of this size."""
        page = min(max(search.page, 1), MOST_PAGES)
        where, values = _where(search)
        names = "run_id, id, alert, service, runbook, severity, phase, outcome, cause, summary, ended, "
        names += "opened_at, closed_at, recovered_after, dry_run, last_run"
        order = "closed_at" if search.closed else "opened_at"  # an index has what is asked for in this order
        async with self._database.reading() as one:
            await check_step(self._database, one)
            (count,) = await one.rows(f"SELECT count(*) AS n FROM runbooks_incidents {where}", *values)  # noqa: S608
            rows = await one.rows(
                f"SELECT {names} FROM runbooks_incidents {where} "  # noqa: S608 - only names
                f"ORDER BY {order} DESC, run_id LIMIT {size} OFFSET {size * (page - 1)}",
                *values,
            )
            choices = await _choices(one, search.since)
        return Found(rows=tuple(map(_stored, rows)), total=count["n"], page=page, choices=choices)

    async def firings(self, incident: str) -> Sequence[Stored]:
        """Every firing of one incident that is stored, the newest first."""
        async with self._database.reading() as one:
            await check_step(self._database, one)
            rows = await one.rows(
                "SELECT * FROM runbooks_incidents WHERE id = $1 ORDER BY opened_at DESC", incident
            )
        return tuple(map(_stored, rows))

    async def firing(self, began_in: str) -> Stored | None:
        """The one that began in this run."""
        async with self._database.reading() as one:
            await check_step(self._database, one)
            rows = await one.rows("SELECT * FROM runbooks_incidents WHERE run_id = $1", began_in)
        return _stored(rows[0]) if rows else None

    async def review(self, began_in: str) -> Review | None:
        """The review of a firing; None where it has none."""
        bodies = await self._bodies(began_in, Topic.REVIEW)
        try:
            return Review.model_validate(bodies[0]) if bodies else None
        except ValidationError:  # of a later version, or too large to be stored
            return None

    async def state(self, stored: Stored) -> IncidentState:
        """What is known of a firing, as the incident itself would say it."""
        line, began_in = stored.line, stored.began_in
        review = await self.review(began_in)
        lines = [Entry.model_validate(body) for body in await self._bodies(began_in, Topic.ENTRY, Topic.WORD)
                 if "text" in body]  # fmt: skip
        opened = (await self._bodies(began_in, Topic.OPENED) or [{}])[0]
        said = opened.get("said") or {
            "name": line.alert,
            "service": line.service,
            "starts_at": line.started_at,
        }
        return IncidentState(
            id=line.id,
            alert=_alert(said, line),
            runbook=line.runbook,
            severity=_known(Severity, line.severity, Severity.WARNING),
            phase=_known(Phase, line.phase, Phase.CLOSED if line.closed_at else Phase.ACTING),
            summary=stored.summary or line.ended,
            cause=line.cause,
            evidence=review.evidence if review else (),
            outcome=review.outcome if review else None,
            performed=review.performed if review else (),
            probes=review.probes if review else Probes(),
            timeline=tuple(sorted(lines, key=lambda entry: entry.at)),
        )

    async def _bodies(self, began_in: str, *topics: Topic) -> list[dict[str, Any]]:
        places = ", ".join(f"${place}" for place in range(2, len(topics) + 2))
        async with self._database.reading() as one:
            rows = await one.rows(
                "SELECT body FROM runbooks_events WHERE run_id = $1 "  # noqa: S608 - only places
                f"AND topic IN ({places}) ORDER BY sequence",
                began_in,
                *(topic.value for topic in topics),
            )
        return [json.loads(row["body"]) for row in rows]


def _alert(said: Any, line: IncidentLine) -> Alert:
    """What was stored of it; where that is too large, or of another version, what the list says."""
    try:
        return Alert.model_validate(said)
    except ValidationError:
        return Alert.model_construct(name=line.alert, service=line.service, starts_at=line.started_at)


def _known(kind: type[E], value: str, otherwise: E) -> E:
    """Temporal may have forgotten an incident before anything else of it was stored."""
    return kind(value) if value in set(kind) else otherwise


def _where(search: Search) -> tuple[str, list[Any]]:
    """The condition, and its parameters."""
    parts, values = list[str](), list[Any]()

    def holds(condition: str, value: Any) -> None:
        values.append(value)
        parts.append(condition.replace("$", f"${len(values)}"))

    if search.since:
        holds(
            "closed_at >= $" if search.closed else "(closed_at = '' OR closed_at >= $)", moment(search.since)
        )
    elif search.closed:
        parts.append("closed_at > ''")
    for name in (*NARROWED, "severity"):
        if value := getattr(search, name):
            holds(f"{name} = $", value)
    for word in search.words.lower().split()[:MOST_WORDS]:
        holds("words LIKE $ ESCAPE '!'", f"%{_literal(word)}%")
    return f"WHERE {' AND '.join(parts)}" if parts else "", values


def _literal(word: str) -> str:
    word = word.replace("\0", "").encode(errors="replace").decode()
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


async def _choices(one: Transaction, since: datetime | None) -> Mapping[str, tuple[str, ...]]:
    """Of what closed since then. An index holds it, and few rows come: a busy process takes each late."""
    found = dict[str, tuple[str, ...]]()
    for name in NARROWED:
        rows = await one.rows(
            f"SELECT DISTINCT {name} FROM runbooks_incidents WHERE closed_at > $1",  # noqa: S608 - only names
            moment(since) if since else "",
        )
        found[name] = tuple(sorted({row[name] for row in rows} - {""}))
    return found


def _stored(row: Row) -> Stored:
    closed = row["closed_at"]
    line = IncidentLine(
        **{name: row[name] for name in ("id", "runbook", "alert", "service", "severity", "phase")},
        run_id=row["last_run"],
        cause=row["cause"],
        outcome=row["outcome"],
        open=not closed,
        ended=row["ended"],
        started_at=datetime.fromisoformat(row["opened_at"] or closed or NEVER),
        closed_at=datetime.fromisoformat(closed) if closed else None,
        dry_run=bool(row["dry_run"]),
    )
    recovered = row["recovered_after"]
    return Stored(
        line=line,
        began_in=row["run_id"],
        summary=row["summary"],
        recovered_after=None if recovered is None else timedelta(seconds=recovered),
    )
