"""The application's analytics: its revenue, its products by what they return, its platforms.

Evidence for RevenueDeclining, which ends in a report and changes nothing.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.analytics.answers import PlatformsAnswer, ProductFigure, ProductsAnswer, RevenueAnswer
from activities.analytics.comparison import Compared, Comparison, Incomplete, compare
from activities.app.answers import Got
from activities.app.api import ApiSeen, AppApi, NoUse, Refused
from models.base import Model
from models.evidence.evidence import Finding
from models.service.service import Service

BELOW = 0.5
"""The return on what was spent below which a product is a loss that somebody should look at."""
NEW_FOR = timedelta(days=7)
"""A product that is younger has hardly had time to return anything."""
MOST_NAMED = 5


class RevenueSeen(ApiSeen):
    """`bad` when the last whole day earned less than the day before; `unknown` when that is not certain."""

    compared: Comparison | None = None


class ProductReturn(Model):
    """A product: `roi` is what it returned for each dollar spent, 1 is as much."""

    name: str
    roi: float
    revenue: float | None = None
    before: float | None = None
    new: bool = False


class ProductsSeen(ApiSeen):
    """`bad` when one returns less than half of what was spent on it, and is not new."""

    products: tuple[ProductReturn, ...] = ()
    """The ones that return least first."""

    @property
    def losing(self) -> tuple[ProductReturn, ...]:
        return tuple(one for one in self.products if one.roi < BELOW)

    @property
    def only_new(self) -> bool:
        """Whether each of those is new."""
        return all(one.new for one in self.losing)


class PlatformsSeen(ApiSeen):
    """`bad` when one earned less in the last whole day than in the day before."""

    platforms: tuple[Compared, ...] = ()


class AnalyticsActivities:
    """Asks the application's API for its figures."""

    def __init__(self, api: AppApi) -> None:
        self._api = api

    @activity.defn
    async def look_at_revenue(self, service: Service) -> RevenueSeen:
        """The last whole day against the day before and the same weekday of last week."""
        try:
            got = await self._api.get(service, "revenue", RevenueAnswer)
        except NoUse as no_use:
            return no_use.seen(RevenueSeen)
        zone = service.time_zone
        try:
            compared = compare(got.content.days, got.content.currency, zone, got.received_at + got.ahead)
        except Incomplete as incomplete:
            reason = f"the revenue cannot be compared: {incomplete}"
            return RevenueSeen(reason=reason, refused=Refused.ODD, observed_at=got.received_at)
        declines = compared.total.lost > 0
        return RevenueSeen(
            finding=Finding.BAD if declines else Finding.OK,
            reason=f"revenue of {compared.of}: {told(compared.total, compared.currency)}",
            observed_at=got.received_at,
            compared=compared,
        )

    @activity.defn
    async def look_at_product_returns(self, service: Service) -> ProductsSeen:
        """The products, by what they return. Never raises for the application's trouble."""
        try:
            got = await self._api.get(service, "products_by_roi", ProductsAnswer)
        except NoUse as no_use:
            return no_use.seen(ProductsSeen)
        each = (_returned(one, got) for one in got.content.products)
        products = sorted((one for one in each if one), key=lambda one: (one.roi, one.name))
        seen = ProductsSeen(observed_at=got.received_at, products=tuple(products[:50]))
        if not products:
            return seen.model_copy(update={"reason": "no product has a return on what was spent on it"})
        losing = [one for one in seen.losing if not one.new]
        named = ", ".join(f"{one.name} ({one.roi:.2f})" for one in seen.losing[:MOST_NAMED])
        few = f"{len(seen.losing)} of {len(products)} products return less than half of their cost: {named}"
        return seen.model_copy(
            update={
                "finding": Finding.BAD if losing else Finding.OK,
                "reason": few
                if seen.losing
                else f"none of {len(products)} products returns less than half of its cost",
            }
        )

    @activity.defn
    async def look_at_platforms(self, service: Service) -> PlatformsSeen:
        """Each platform's revenue of whole days. Never raises for the application's trouble."""
        try:
            got = await self._api.get(service, "platform_comparison", PlatformsAnswer)
        except NoUse as no_use:
            return no_use.seen(PlatformsSeen)
        known = [one for one in got.content.platforms if one.yesterday is not None and one.before is not None]
        if not known:
            partly = any(one.today is not None for one in got.content.platforms)
            why = "only of today, which is not over" if partly else "of no two whole days"
            return PlatformsSeen(reason=f"it has figures {why}", observed_at=got.received_at)
        platforms = (
            Compared(name=one.name, now=one.yesterday or 0.0, before=one.before, week_ago=one.week_ago)
            for one in known
        )
        sorted_by_loss = tuple(sorted(platforms, key=lambda one: (-one.lost, one.name)))
        fell = [one for one in sorted_by_loss if one.lost]
        named = "; ".join(f"{one.name} {told(one)}" for one in fell[:MOST_NAMED])
        return PlatformsSeen(
            finding=Finding.BAD if fell else Finding.OK,
            reason=named or "no platform earned less than the day before",
            observed_at=got.received_at,
            platforms=sorted_by_loss,
        )


def told(one: Compared, currency: str = "") -> str:
    """`310.00 USD, -12 % against the day before (352.00) and +2 % against last week (304.00)`."""
    unit = f" {currency}" if currency else ""
    against = [
        f"{_percent(one, other)} against {name} ({other:,.2f})"
        for name, other in (("the day before", one.before), ("the same weekday of last week", one.week_ago))
        if other is not None
    ]
    return f"{one.now:,.2f}{unit}, {' and '.join(against) or 'with nothing to compare it with'}"


def _percent(one: Compared, other: float) -> str:
    share = one.share_of(other)
    return f"{share - 1:+.0%}" if share is not None else f"{one.now - other:+,.2f}"


def _returned(one: ProductFigure, got: Got[ProductsAnswer]) -> ProductReturn | None:
    """None where no return is told: nothing was spent, or nobody counted."""
    roi = one.roi if one.roi is not None else one.roi_percent and one.roi_percent / 100
    if roi is None or one.spent == 0:
        return None
    new = one.since is not None and got.age_of(one.since) < NEW_FOR
    return ProductReturn(name=one.name, roi=roi, revenue=one.revenue, before=one.before, new=new)
