"""The worker's own log as a channel, which needs no configuration."""

from __future__ import annotations

import structlog

from activities.notify.wording import in_one_line, one_line
from models.incident.announcement import Announcement

_LONGEST_TITLE = 200
_LONGEST_TEXT = 2000


class LogLine:
    keeps_pages_open = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._log = structlog.get_logger("runbooks.announcements")

    async def deliver(self, announcement: Announcement) -> None:
        """One log line for each announcement, without line breaks, so that its text cannot forge a line."""
        self._log.warning(
            "announcement",
            channel=self.name,
            incident=announcement.incident,
            run_id=announcement.run_id,
            occasion=announcement.occasion.value,
            severity=announcement.severity.value,
            role=announcement.role,
            title=one_line(announcement.title, _LONGEST_TITLE),
            text=in_one_line(announcement.text, _LONGEST_TEXT),
            links=[one.address for one in announcement.links],
        )
