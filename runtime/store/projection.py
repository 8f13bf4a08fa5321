"""The row by which an incident is found: made of its events alone, so that it can be checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from models.text import visible
from runtime.store.chain import Event
from runtime.store.facts import Topic

MOST_WORDS = 4000
"""Characters of an incident that are searched: what its alert, its ending and its timeline say."""
LONGEST = 1000
EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(
        ("id", "alert", "service", "runbook", "severity", "phase", "outcome", "cause", "summary", "ended"), ""
    ),
    **dict.fromkeys(("opened_at", "closed_at", "words", "last_run"), ""),
    "recovered_after": None,
    "dry_run": 0,
}
"""Each column that the events decide."""


def folded(row: Mapping[str, Any], events: Iterable[Event]) -> dict[str, Any]:
    """The row after these events."""
    now = {name: row[name] for name in EMPTY}
    for event in events:
        body = json.loads(event.body)
        change = _OF_TOPIC.get(event.topic.partition(":")[0], _nothing)(event, body)
        words = change.pop("words", "")
        now |= {name: _fit(value) for name, value in change.items()}
        now["words"] = f"{now['words']} {_clean(words).lower()}".strip()[:MOST_WORDS]
    return now


def _opened(event: Event, body: dict[str, Any]) -> dict[str, Any]:
    said = body.get("said") or {}
    texts = [*(said.get("annotations") or {}).values(), *(said.get("labels") or {}).values()]
    names = ("id", "alert", "service", "runbook", "severity")
    return {
        **{name: body.get(name, "") for name in names},
        "dry_run": int(bool(body.get("dry_run"))),
        "opened_at": event.at,
        "words": " ".join([body.get("id", ""), *map(str, texts)]),
    }


def _status(_: Event, body: dict[str, Any]) -> dict[str, Any]:
    names = ("phase", "severity", "summary", "cause", "outcome")
    return {**{name: body.get(name, "") for name in names}, **_run(body)}


def _line(_: Event, body: dict[str, Any]) -> dict[str, Any]:
    return {"words": str(body.get("text", ""))}


def _review(_: Event, body: dict[str, Any]) -> dict[str, Any]:
    summary = str(body.get("summary", ""))
    return {"summary": summary, "words": f"{summary} {body.get('cause', '')}"} if summary else {}


def _closed(event: Event, body: dict[str, Any]) -> dict[str, Any]:
    known = {name: body[name] for name in ("outcome", "cause") if body.get(name)}
    return {
        **known,
        **_run(body),
        "phase": "closed",
        "ended": body.get("ended", ""),
        "closed_at": event.at,
        "recovered_after": body.get("recovered_after"),
        "words": " ".join(known.values()),
    }


def _run(body: dict[str, Any]) -> dict[str, Any]:
    return {"last_run": body["run_id"]} if body.get("run_id") else {}


def _nothing(_: Event, __: dict[str, Any]) -> dict[str, Any]:
    return {}


_OF_TOPIC = {
    Topic.OPENED.value: _opened,
    Topic.STATUS.value: _status,
    Topic.ENTRY.value: _line,
    Topic.WORD.value: _line,
    Topic.REVIEW.value: _review,
    Topic.CLOSED.value: _closed,
}


def _clean(text: str) -> str:
    """Without what a database refuses as text."""
    return visible(text, instead=" ").encode(errors="replace").decode()


def _fit(value: Any) -> Any:
    return _clean(value)[:LONGEST] if isinstance(value, str) else value
