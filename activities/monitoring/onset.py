"""When it began: the newest stretch of a series above a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from activities.monitoring.metrics import Point


def onset(
    points: Sequence[Point], threshold: float, dip: timedelta
) -> tuple[datetime | None, datetime | None]:
    """Since when, and when it was last seen under the threshold before.

    A stretch is not over where the series falls under the threshold for no longer than `dip`. Without a
    point under the threshold right before, it may have begun earlier.
    """
    since, good_until = None, None
    for point in reversed(points):
        if since is not None and since - point.at > dip:
            return since, good_until or (point.at if point.value <= threshold else None)
        if point.value > threshold:
            since, good_until = point.at, None
        elif since is not None:
            good_until = good_until or point.at
    return since, good_until
