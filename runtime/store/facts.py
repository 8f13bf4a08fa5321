"""What an incident says of itself, as facts that can be stored one by one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from models.incident.incident import Entry, IncidentState, PendingApproval
from models.incident.review import Review
from models.redaction.known import KNOWN
from runtime.incidents import IncidentLine

LARGEST = 64 * 1024
"""Characters of one event, as JSON; a review has more room."""
LARGEST_REVIEW = 2 * 2**20


class Topic(StrEnum):
    """What an event tells."""

    OPENED = "opened"
    ENTRY = "entry"
    """A line of the timeline."""
    WORD = "word"
    """A line of the timeline in which a person says something, or decides."""
    QUESTION = "question"
    ACTION = "action"
    EVIDENCE = "evidence"
    SAMPLE = "sample"
    """One probe of a verification."""
    STATUS = "status"
    REVIEW = "review"
    CLOSED = "closed"


class Told(StrEnum):
    """When a fact is new."""

    ONCE = "once"
    EACH = "each"
    CHANGED = "changed"
    """When it differs from the last one of its topic."""


TOLD = {
    Topic.OPENED: Told.ONCE,
    Topic.STATUS: Told.CHANGED,
    Topic.EVIDENCE: Told.CHANGED,
    Topic.REVIEW: Told.ONCE,
    Topic.CLOSED: Told.ONCE,
}


@dataclass(frozen=True)
class Fact:
    """One thing that is so; `part` is what it is about, where a topic has parts."""

    at: datetime
    topic: Topic
    body: Mapping[str, Any]
    part: str = ""
    aside: Mapping[str, Any] = field(default_factory=dict)
    """Goes with it, and makes no new fact when it alone differs."""

    @property
    def told(self) -> Told:
        return TOLD.get(self.topic, Told.EACH)

    @property
    def digest(self) -> str:
        known = hashlib.sha256(_json(self.body).encode()).hexdigest()[:32]
        return f"{self.part}:{known}" if self.part else known

    @property
    def text(self) -> str:
        """As it is stored: bounded, and without any secret that this process has read."""
        text = KNOWN.hide(_json({**self.body, **self.aside}))
        most = LARGEST_REVIEW if self.topic is Topic.REVIEW else LARGEST
        return text if len(text) <= most else _json({"cut": text[: most // 2], "characters": len(text)})


def facts_of(line: IncidentLine, state: IncidentState | None, review: Review | None = None) -> Iterator[Fact]:
    """In the order in which a reader expects them."""
    alert = state.alert if state else review.alert if review else None
    opened = {
        "id": line.id,
        "alert": line.alert,
        "service": line.service,
        "runbook": line.runbook,
        "severity": line.severity,
        "dry_run": line.dry_run,
        "said": alert.model_dump(mode="json") if alert else {},
    }
    began = review.began_at if review else line.started_at
    yield Fact(began, Topic.OPENED, opened)
    for entry in state.timeline if state else review.timeline if review else ():
        yield _entry(entry)
    told = state or review
    for seen in told.evidence if told else ():
        body = seen.model_dump(mode="json", exclude={"at"})
        yield Fact(seen.at or began, Topic.EVIDENCE, body, part=seen.name)
    for done in told.performed if told else ():
        yield Fact(done.started_at, Topic.ACTION, done.model_dump(mode="json"))
    if state and state.awaiting:
        yield _question(state.awaiting)


def merged(of_runs: Sequence[Sequence[Fact]]) -> Iterator[Fact]:
    """The facts of all runs of an incident, oldest first: what one run passes to the next is there once."""
    count = Counter[tuple[str, str]]()
    for facts in of_runs:
        own = Counter[tuple[str, str]]()
        for fact in facts:
            key = (fact.topic, fact.digest)
            own[key] += 1
            if fact.told is not Told.EACH or own[key] > count[key]:
                yield fact
        count |= own


def status_of(state: IncidentState, at: datetime, run_id: str) -> Fact:
    """What may change while it is open, and the run in which it goes on."""
    names = ("summary", "cause", "acknowledged_by", "rung", "waits_for", "paused")
    body = {
        **{name: getattr(state, name) for name in names},
        "run_id": run_id,
        "phase": state.phase.value,
        "severity": state.severity.value,
        "outcome": state.outcome.value if state.outcome else "",
        "refused": state.refused.says if state.refused else "",
    }
    return Fact(at, Topic.STATUS, body)


def ending(line: IncidentLine, review: Review | None, why: str = "") -> Iterator[Fact]:
    """The review, and how it closed."""
    at = line.closed_at or line.started_at
    if review:
        yield Fact(at, Topic.REVIEW, review.model_dump(mode="json"))
    recovered = review.resolved_after.total_seconds() if review else None
    yield Fact(at, Topic.CLOSED, {
        "run_id": line.run_id,
        "ended": line.ended or why,
        "outcome": review.outcome.value if review else line.outcome,
        "cause": review.cause if review else line.cause,
        "recovered_after": None if recovered is None else round(recovered),
    })  # fmt: skip


def _entry(entry: Entry) -> Fact:
    topic = Topic.WORD if entry.of_a_person else Topic.ENTRY
    return Fact(entry.at, topic, entry.model_dump(mode="json"))


def _question(asked: PendingApproval) -> Fact:
    body = {
        "asked_at": asked.asked_at.isoformat(),
        "expires_at": asked.expires_at.isoformat(),
        "limit": asked.limit.model_dump(mode="json") if asked.limit else None,
        "plans": [
            {
                "digest": one.digest,
                "risk": one.risk.value,
                "recommended": one.recommended,
                "why": one.plan.why,
                "steps": [step.model_dump(mode="json") for step in one.steps],
            }
            for one in asked.options
        ],
    }
    return Fact(asked.asked_at, Topic.QUESTION, body)


def _json(body: Any) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))
