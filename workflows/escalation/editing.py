"""The messages that are edited as the incident goes on: where they are, and what they do not show yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.announcement import Announcement, Delivered, Posted
    from models.telling.in_short import InShort
    from workflows.record.timeline import Timeline, in_one_line

AFTER_A_FAILURE = timedelta(seconds=10)
"""Before a message is edited again that could not be edited; it doubles."""
MOST_AGAIN = 5


class Editing:
    """Nothing of it costs an event, unless a channel with such messages is configured."""

    def __init__(self, timeline: Timeline) -> None:
        self.in_short: Callable[[], InShort | None] = lambda: None
        """The incident as it stands; None when that cannot be said."""
        self._timeline = timeline
        self._places: dict[str, str] = {}
        self._version = 0
        self._newest_heard = 0
        self._lines_told = 0
        self._under_way = 0
        self._shown: InShort | None = None
        self._lines_shown = 0
        self._stale: set[str] = set()
        """The channels that took what was told, and whose message does not show it."""
        self._again = 0
        """How often they were edited since."""

    @property
    def posted(self) -> tuple[Posted, ...]:
        return tuple(Posted(channel=channel, place=place) for channel, place in self._places.items())

    def so_far(self) -> dict[str, tuple[Posted, ...] | int]:
        """What `LadderSoFar` has of it."""
        return {"posted": self.posted, "untold": len(self._lines()) - self._lines_told}

    def resume(self, posted: Sequence[Posted], untold: int) -> None:
        """Go on with the messages of the run before this one, whose versions are lower."""
        self._places = {one.channel: one.place for one in posted}
        self._lines_shown = len(self._lines())
        self._lines_told = max(0, self._lines_shown - untold)
        self._version = int(workflow.now().timestamp())

    def take_over(self, before: Editing) -> None:
        """Go on with the messages of another ladder of this run."""
        self._places, self._version = before._places, before._version
        self._lines_told, self._lines_shown = before._lines_told, before._lines_shown
        self._stale = before._stale

    @property
    def channels(self) -> tuple[str, ...]:
        """Those that have a message."""
        return tuple(self._places)

    @property
    def under_way(self) -> bool:
        return self._under_way > 0

    @property
    def behind(self) -> bool:
        """Whether a message that was posted does not show what is so."""
        if not self._places or self._under_way:
            return False
        now = self.in_short()
        changed = self._lines_shown != len(self._lines()) or self._shown != now
        return now is not None and (changed or self.pause is not None)

    @property
    def pause(self) -> timedelta | None:
        """How long to wait before an edit that failed is tried again; None where none is to be."""
        return AFTER_A_FAILURE * 2**self._again if self._stale and self._again < MOST_AGAIN else None

    def begun(self, announcement: Announcement, edited: Sequence[str]) -> Announcement:
        """With the incident as it stands, for those channels of it that edit."""
        to = {*announcement.first_of, *announcement.also_to}.intersection(edited)
        now = self.in_short() if to else None
        if now is None:
            return announcement
        lines = self._lines()
        self._shown, self._lines_shown = now, len(lines)
        self._version += 1
        self._under_way += 1
        happened = tuple(lines[self._lines_told :]) if self._places else ()
        self._lines_told += len(happened)
        shown = now.model_copy(update={"version": self._version, "happened": happened})
        return announcement.model_copy(update={"in_short": shown, "posted": self.posted})

    def heard(self, announcement: Announcement, delivered: Delivered) -> None:
        """Where it is; lines that did not arrive are told with the next one."""
        if announcement.in_short is None:
            return
        self._under_way -= 1
        places = {one.channel: one.place for one in delivered.receipts if one.place}
        stale = {one.channel for one in delivered.receipts if one.stale}
        self._again = 0 if stale else self._again + 1
        self._stale = self._stale.difference(places) | stale
        if not places:
            self._lines_told -= len(announcement.in_short.happened)
        elif not self._places:
            self._lines_shown = 0  # its thread has no line yet
        self._places |= places
        if announcement.in_short.version < self._newest_heard:
            self._shown = None  # it may have overwritten a newer one
        self._newest_heard = max(self._newest_heard, announcement.in_short.version)

    def _lines(self) -> list[str]:
        """The timeline without what these messages say themselves."""
        return [in_one_line(one) for one in self._timeline.entries if one.sent is None]
