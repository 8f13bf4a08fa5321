"""What the scripted world shows of revenue, platforms, products and videos."""

from __future__ import annotations

from datetime import timedelta

from activities.analytics.analytics import PlatformsSeen, ProductReturn, ProductsSeen, RevenueSeen
from activities.analytics.comparison import Compared, Comparison, DayTotal
from activities.incidents.open_incidents import OpenIncident, OpenIncidentsSeen
from activities.videos.videos import VideosSeen
from models.evidence.evidence import Finding
from tests.workflows.sights import LONG_AGO

Figures = tuple[float, float, float]
"""The last whole day, the day before, and the same weekday of last week."""


def compared(name: str, figures: Figures) -> Compared:
    return Compared(name=name, now=figures[0], before=figures[1], week_ago=figures[2])


def earned(**platforms: Figures) -> RevenueSeen:
    """Revenue by platform, and its sum."""
    now, before, week_ago = (sum(figures) for figures in zip(*platforms.values(), strict=True))
    each = (compared(name, figures) for name, figures in platforms.items())
    return RevenueSeen(
        finding=Finding.BAD if now < before else Finding.OK,
        reason=f"revenue of Wed 2025-12-31: {now}",
        compared=Comparison(
            total=compared("all", (now, before, week_ago)),
            platforms=tuple(sorted(each, key=lambda one: -one.lost)),
            products=(),
            days=(DayTotal(day="12-30", amount=before), DayTotal(day="12-31", amount=now)),
            of="Wed 2025-12-31",
            currency="USD",
        ),
    )


FALLS = earned(youtube=(80, 100, 120), tiktok=(60, 80, 100), instagram=(70, 90, 90))
"""A little everywhere, and more than a week ago."""
WEEKEND = earned(youtube=(60, 100, 62), tiktok=(50, 80, 50), instagram=(40, 90, 41))
YOUTUBE_FELL = earned(youtube=(20, 100, 110), tiktok=(80, 80, 80), instagram=(90, 90, 90))
GROWS = earned(youtube=(110, 100, 100), tiktok=(80, 80, 80))
INCOMPLETE = RevenueSeen(reason="the revenue cannot be compared: it has no figure of Wed 2025-12-31 yet")

LOSING = ProductsSeen(
    finding=Finding.BAD,
    reason="1 of 2 products return less than half of their cost: lamp (0.20)",
    products=(
        ProductReturn(name="lamp", roi=0.2, revenue=10, before=60),
        ProductReturn(name="desk", roi=1.4, revenue=90, before=90),
    ),
)
EARN_AS_BEFORE = LOSING.model_copy(
    update={"products": (ProductReturn(name="lamp", roi=0.2, revenue=60, before=60), LOSING.products[1])}
)
OLD_VIDEO = VideosSeen(
    finding=Finding.BAD, reason="the last video was generated 30 h ago", age=timedelta(hours=30)
)
RECENT_VIDEO = OLD_VIDEO.model_copy(update={"reason": "the last 3 h ago", "age": timedelta(hours=3)})
UNPUBLISHED = VideosSeen(
    finding=Finding.OK,
    reason="the last video was generated 1 h ago, and the last one published 30 h ago",
    age=timedelta(hours=1),
    published_age=timedelta(hours=30),
)
NO_VIDEOS = OpenIncidentsSeen(
    finding=Finding.BAD,
    reason="also open: NoVideosGenerated/backend (escalated)",
    incidents=(
        OpenIncident(
            id="NoVideosGenerated/backend",
            alert="NoVideosGenerated",
            service="backend",
            phase="escalated",
            opened_at=LONG_AGO,
        ),
    ),
)
NO_VIDEOS_ELSEWHERE = NO_VIDEOS.model_copy(
    update={"incidents": tuple(one.model_copy(update={"service": "shop"}) for one in NO_VIDEOS.incidents)}
)
SAME_PLATFORMS = PlatformsSeen(finding=Finding.OK, reason="no platform earned less than the day before")
