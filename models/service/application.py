"""The application's own HTTP API: where it is, and what it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints

from models.base import Configured, Interval
from models.service.addresses import WebAddress
from models.service.secret import SecretRef


def _path(value: str) -> str:
    if not value.startswith("/") or value.startswith("//") or "#" in value or not value.isprintable():
        raise ValueError("this is not a path: write it like /api/products/count, below `url`")
    if " " in value or len(value) > 512:
        raise ValueError("a path holds no blanks and at most 512 characters: write %20 for a blank")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("there is no such time zone: write an IANA name, such as Europe/Berlin") from None
    return value


ProviderWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{1,62}$")]
ApiPath = Annotated[str, AfterValidator(_path)]
"""A path below the base URL, with its query if it has one."""
TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""A time zone by its IANA name."""


class ApiPaths(Configured):
    """What the application is asked for, below `url`. Each may be another in yours."""

    last_sync: ApiPath = "/api/products/last-sync"
    product_count: ApiPath = "/api/products/count"
    sync_products: ApiPath = "/api/orchestrator/sync-products"
    last_generated: ApiPath = "/api/videos/last-generated"
    queue_status: ApiPath = "/api/videos/queue-status"
    generate_videos: ApiPath = "/api/orchestrator/generate-videos"
    daily_summary: ApiPath = "/api/cost-tracking/daily-summary"
    budget_status: ApiPath = "/api/cost-tracking/budget-status"
    revenue: ApiPath = "/api/analytics/revenue?period=14d"
    """Seven days hold no whole day of last week."""
    products_by_roi: ApiPath = "/api/analytics/products?sort=roi&limit=10"
    platform_comparison: ApiPath = "/api/analytics/platform-comparison"


class ApplicationApi(Configured):
    """The application's API. Redirects are not followed, and the token is sent as `Bearer`."""

    url: WebAddress
    token: SecretRef | None = None
    time_zone: TimeZone = "UTC"
    """Of the times that it gives without a zone, and of its days."""
    timeout: Interval = Field(default=timedelta(seconds=5), le=timedelta(seconds=6))
    synced_within: Interval = timedelta(hours=1)
    """Products that were last synced longer ago than this are too old."""
    sync_takes: Interval = Field(default=timedelta(minutes=5), le=timedelta(hours=12))
    """How long a sync may take, from when it was asked for until it shows."""
    products_from: tuple[ProviderWord, ...] = Field(default=("amazon", "associates", "paapi"), max_length=20)
    """Words by which a log line or an issue names where the products come from."""
    smaller_sync: dict[str, str | bool | int] = Field(default_factory=dict)
    """What a sync of fewer products is asked with, as JSON, after a rate limit: `{limit: 10}`."""
    paths: ApiPaths = ApiPaths()
