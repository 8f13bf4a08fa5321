"""What the application's analytics answer, in the shapes that APIs give to figures of money by time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from activities.app.answers import ApiAnswer, Moment, Number, called
from activities.support.redaction import clean

MOST_ROWS = 10_000
_AMOUNTS = ("dollars", "amount", "revenue", "total", "value", "usd", "sum", "earnings")


_LISTS = ("days", "series", "points", "history", "items", "rows", "daily")
_PARTS = ("platforms", "byPlatform", "by_platform")


def _text(value: object) -> str:
    return "" if value is None else clean(str(value), 60)


def _rows(value: object) -> object:
    """`{"2026-11-25": 12.5}` and `{"2026-11-25": {"youtube": 12.5}}` as rows, and rows of rows flat."""
    if isinstance(value, Mapping) and (inner := [value[key] for key in _LISTS if key in value]):
        value = inner[0]
    if isinstance(value, Mapping):
        value = [{"day": day, **_of_a_day(amount)} for day, amount in value.items()]
    if not isinstance(value, list):
        raise ValueError("is no list of figures")  # noqa: TRY004  pydantic takes no TypeError
    rows = [one for row in value[: MOST_ROWS + 1] for one in _apart(row)]
    if len(rows) > MOST_ROWS:
        raise ValueError(f"has more than {MOST_ROWS} figures")
    return rows


def _of_a_day(amount: object) -> Mapping[str, object]:
    if isinstance(amount, Mapping):
        return amount if any(key in amount for key in _AMOUNTS) else {"platforms": amount}
    return {"amount": amount}


def _apart(row: object) -> Iterator[object]:
    """`{"day": …, "platforms": {"youtube": 12.5}}` is one row a platform."""
    held = row if isinstance(row, dict) else {}
    parts = next((held[key] for key in _PARTS if key in held), None)
    if isinstance(parts, Mapping):
        parts = [{"platform": name, "amount": amount} for name, amount in parts.items()]
    if not isinstance(parts, list) or not parts:
        yield row
        return
    shared = {key: value for key, value in held.items() if key not in (*_AMOUNTS, *_PARTS)}
    for part in parts:
        yield {**shared, **part} if isinstance(part, dict) else part


Money = Annotated[Number, Field(ge=-1e15, le=1e15)]
"""More is no amount: sums of it would be infinite."""
Text = Annotated[str, BeforeValidator(_text)]


class Figure(ApiAnswer):
    """An amount of a day (`2026-11-25`) or of a time; None while it is not known. Refunds are negative."""

    day: str | int | float = Field(
        validation_alias=called("day", "date", "at", "time", "timestamp", "hour", "period", "bucket", "start")
    )
    amount: Money | None = Field(validation_alias=called(*_AMOUNTS))
    platform: Text = Field("", validation_alias=called("platform", "source", "channel", "network"))
    product: Text = Field("", validation_alias=called("product", "productName", "productId"))
    currency: Text = Field("", validation_alias=called("currency", "currencyCode"))


class RevenueAnswer(ApiAnswer):
    """`/api/analytics/revenue`."""

    bare: ClassVar[str] = "days"
    days: Annotated[tuple[Figure, ...], BeforeValidator(_rows)] = Field(
        validation_alias=called(*_LISTS, "data", "revenue")
    )
    currency: Text = Field("", validation_alias=called("currency", "currencyCode"))


def _listed(value: object) -> object:
    """`{"youtube": {…}}` as a list whose parts know their names."""
    if isinstance(value, Mapping):
        return [
            {"name": name, **one} if isinstance(one, Mapping) else {"name": name, "current": one}
            for name, one in value.items()
        ]
    return value


class ProductFigure(ApiAnswer):
    """A product: what it returns of what was spent on it, and what it earned in two days, if that is told."""

    name: Text = Field(validation_alias=called("name", "title", "product", "productName", "id", "asin"))
    roi: Number | None = Field(None, validation_alias=called("roi", "returnOnInvestment"))
    roi_percent: Number | None = Field(None, validation_alias=called("roiPercent", "roiPct"))
    revenue: Money | None = Field(None, validation_alias=called("revenue", "earnings", "dollars"))
    before: Money | None = Field(
        None, validation_alias=called("previousRevenue", "previous", "revenueBefore", "before")
    )
    spent: Number | None = Field(None, validation_alias=called("cost", "costs", "spend", "spent"))
    since: Moment = Field(None, validation_alias=called("createdAt", "addedAt", "since", "firstSeen"))


class ProductsAnswer(ApiAnswer):
    """`/api/analytics/products`."""

    bare: ClassVar[str] = "products"
    products: Annotated[tuple[ProductFigure, ...], BeforeValidator(_listed)] = Field(
        validation_alias=called("products", "data", "items", "rows"), max_length=MOST_ROWS
    )


class PlatformFigure(ApiAnswer):
    """A platform's revenue in whole days, or in the 24 hours and the 24 hours before."""

    name: Text = Field(validation_alias=called("platform", "name", "source", "channel"))
    today: Money | None = None
    yesterday: Money | None = Field(
        None, validation_alias=called("yesterday", "last24h", "last24Hours", "current", "now", "revenue")
    )
    before: Money | None = Field(
        None,
        validation_alias=called("dayBefore", "previous24h", "previous", "previousRevenue", "before", "prior"),
    )
    week_ago: Money | None = Field(
        None, validation_alias=called("weekBefore", "sameDayLastWeek", "lastWeek", "weekAgo")
    )


class PlatformsAnswer(ApiAnswer):
    """`/api/analytics/platform-comparison`."""

    bare: ClassVar[str] = "platforms"
    platforms: Annotated[tuple[PlatformFigure, ...], BeforeValidator(_listed)] = Field(
        validation_alias=called("platforms", "data", "items", "comparison"), max_length=200
    )
