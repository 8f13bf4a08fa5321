"""What `watch` shows on a terminal: where it stands, what is asked and how to answer; and it fits."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from console.live.view import answers, frame
from models.actions.change import Risk
from models.actions.plan import Plan
from models.actions.service import RestartService, StartService
from models.incident.alert import Alert
from models.incident.announcement import NextRung
from models.incident.incident import Entry, IncidentState, Option, Outcome, PendingApproval, Phase
from models.names import Severity
from models.service.service import DockerManager, Service

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BACKEND = Service(name="backend", manager=DockerManager(container="backend"))
PLAN = Plan(steps=(RestartService(service=BACKEND),), why="it hangs")
OTHER = Plan(steps=(StartService(service=BACKEND),), why="it may be down")
ASKED = PendingApproval(
    plan=PLAN, digest=PLAN.digest, risk=Risk.GUARDED, asked_at=NOW, expires_at=NOW + timedelta(hours=4)
)
HOSTILE = "\x1b[2J\x1b]0;pwned\x07[bold]not markup[/bold] " + "x" * 300 + " 東京" * 40


def state(**changes: Any) -> IncidentState:
    alert = Alert(name="ServiceDown", service="backend", starts_at=NOW - timedelta(minutes=12))
    fields = {
        "id": "ServiceDown/backend",
        "alert": alert,
        "runbook": "ServiceDown",
        "severity": Severity.CRITICAL,
        "phase": Phase.AWAITING_APPROVAL,
        "summary": "connection refused",
        "cause": "hung",
        "awaiting": ASKED,
        "next_rung": NextRung(role="Team Lead", at=NOW + timedelta(minutes=5, seconds=9), person="bert"),
        "timeline": tuple(Entry(at=NOW, text=f"line {number}") for number in range(100)),
    }
    return IncidentState(**{**fields, **changes})


def shown(state: IncidentState, width: int = 100, height: int = 30) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    lines = console.render_lines(frame(state, NOW, console), pad=False)
    return ["".join(part.text for part in line) for line in lines]


def test_it_says_where_it_stands_who_is_next_and_how_to_answer() -> None:
    text = "\n".join(shown(state()))
    assert "ServiceDown/backend  awaiting approval" in text
    assert "firing for 12 min" in text
    assert "pages Team Lead (bert) in 5 min" in text
    assert "Your decision is needed until 16:00 UTC (4 h left)." in text
    assert "  python starter.py approve ServiceDown/backend   takes: restart backend" in text
    assert "  python starter.py deny ServiceDown/backend" in text
    assert text.splitlines()[-1].strip() == "12:00:00 line 99"


def test_another_plan_is_taken_by_its_digest() -> None:
    other = Option.of(OTHER, {})
    text = "\n".join(shown(state(awaiting=ASKED.model_copy(update={"others": (other,)}))))
    assert f"python starter.py approve ServiceDown/backend --plan {other.digest}   takes: start" in text


@pytest.mark.parametrize(
    ("changes", "typed"),
    [
        ({"awaiting": None}, ["ack"]),
        ({"awaiting": None, "next_rung": None}, []),
        ({"awaiting": None, "waits_for": "a person: renew the credentials"}, ["done"]),
        ({"awaiting": None, "waits_for": "an acknowledgement: the report"}, ["ack"]),
        ({"awaiting": None, "phase": Phase.ESCALATED}, ["done", "retry"]),
        ({"phase": Phase.CLOSED, "review": "/var/reviews/a.md"}, ["review"]),
        ({"phase": Phase.CLOSED}, []),
    ],
)
def test_what_may_be_typed(changes: dict[str, Any], typed: list[str]) -> None:
    assert [command for command, _ in answers(state(**changes))] == typed


@pytest.mark.parametrize(("width", "height"), [(200, 60), (80, 24), (60, 24), (40, 50)])
def test_it_fits_whatever_an_alert_says(width: int, height: int) -> None:
    entries = tuple(Entry(at=NOW, text=f"{number} {HOSTILE}") for number in range(50))
    lines = shown(state(cause=HOSTILE, summary="", timeline=entries), width, height)
    assert max(map(cell_len, lines)) <= width
    assert all(character.isprintable() for line in lines for character in line)
    assert "[bold]notmarkup[/bold]" in "".join("".join(lines).split()), "it is text, and no markup"
    asks = next(at for at, line in enumerate(lines) if line.startswith("Your decision"))
    assert asks < height, "the question is on the screen"


def test_without_hostile_words_it_is_no_higher_than_the_terminal() -> None:
    for height in (20, 24, 50):
        assert len(shown(state(), height=height)) == height - 1


def test_it_is_the_same_picture_within_a_minute() -> None:
    console = Console(width=80, height=24, file=io.StringIO())
    at_once, later = (
        console.render_lines(frame(state(), NOW + timedelta(seconds=after), console)) for after in (1, 8)
    )
    assert at_once == later


def test_it_ends_with_the_outcome_and_the_review() -> None:
    closed = state(phase=Phase.CLOSED, awaiting=None, outcome=Outcome.RESOLVED, review="/var/reviews/a.md")
    text = "\n".join(shown(closed))
    assert "outcome      resolved" in text
    assert "review       /var/reviews/a.md" in text
    assert "python starter.py review ServiceDown/backend" in text
    assert "next" not in text
