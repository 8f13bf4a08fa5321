"""When it began: the newest stretch of a series above a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.monitoring.metrics import Point


def onset(points: Sequence[Point], threshold: float, dip: timedelta) -> tuple[datetime | None, bool]:
    """Since when, and whether the point right before is under the threshold.

    A stretch is not over where the series falls under the threshold for no longer than `dip`. One that
    is high from its first point on, or from the end of a gap, may have begun earlier.
    """
    since, rose = None, False
    for point in reversed(points):
        if point.value > threshold:
            if since is not None and since - point.at > dip:
                break
            since, rose = point.at, False
        elif since is not None:
            if since - point.at > dip:
                break
            rose = True
    return since, rose
