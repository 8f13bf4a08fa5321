"""When alerts began, if the clock of their source is not to be believed."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=5)
MOST = 10_000
"""Substitutes that are remembered, the ones that were asked for last: as many as one batch may need."""


class StartTimes:
    """Puts a time in the place of one that is further ahead than clocks differ.

    Such a time would hold back every deadline. Its substitute stays the same however often the alert
    is sent: another `startsAt` would mean that it fired anew.
    """

    def __init__(self) -> None:
        self._substitutes: OrderedDict[tuple[str, str, datetime], datetime] = OrderedDict()

    def of(self, incident: str, fingerprint: str, claimed: datetime) -> datetime:
        """When the alert began: as it claims, or when it was first heard of with that claim."""
        key = (incident, fingerprint, claimed)
        now = datetime.now(UTC)
        if key not in self._substitutes:
            if claimed <= now + CLOCKS_DIFFER:
                return claimed
            self._substitutes[key] = now
        self._substitutes.move_to_end(key)
        if len(self._substitutes) > MOST:
            self._substitutes.popitem(last=False)
        return self._substitutes[key]
