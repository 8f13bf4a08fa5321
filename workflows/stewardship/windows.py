"""The rules of maintenance windows: which are taken, when one ends, what is on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.maintenance import MOST_WINDOWS, EndWindow, Window
    from models.incident.stewardship import Announced, ControlRoomState

Windows = tuple[Window, ...]


def taken(windows: Windows, new: Window, now: datetime) -> Windows:
    """With a new one, or one changed that has its ID; as they were when there are too many of them."""
    others = tuple(one for one in windows if one.id != new.id and one.span(now))
    return (*others, new) if len(others) < MOST_WINDOWS and new.span(now) else windows


def ended(windows: Windows, end: EndWindow, now: datetime) -> Windows:
    """Without it; one that comes again, and is in force, comes again unless it ends for good."""
    left: list[Window] = []
    for one in windows:
        if one.id != end.id:
            left.append(one)
        elif one.again and one.in_force(now) and not end.for_good:
            left.append(one.model_copy(update={"begins": now}))
    return tuple(left)


def now_on(state: ControlRoomState, now: datetime) -> tuple[Announced, ...]:
    """The switch, if it is thrown, and the windows in force."""
    on = []
    if state.suspended:
        since = state.since.isoformat() if state.since else ""
        on.append(
            Announced(key=f"suspended {since}", says=state.suspended_words, ended_by="starter.py resume")
        )
    for one in state.windows:
        span = one.span(now)
        if span and span[0] <= now:
            key = f"{one.id} {span[0].isoformat()}"
            by = f"starter.py maintenance end {one.id}"
            on.append(
                Announced(key=key, says=one.words(now), service=one.service, alert=one.alert, ended_by=by)
            )
    return tuple(on)


def next_change(state: ControlRoomState, now: datetime) -> datetime | None:
    """When the next window begins or ends."""
    moments: Sequence[datetime] = [
        moment for one in state.windows for moment in one.span(now) or () if moment > now
    ]
    return min(moments, default=None)
