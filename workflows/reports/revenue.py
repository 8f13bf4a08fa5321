"""What RevenueDeclining reports: sentences, charts with their numbers, and what a person may do next."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.analytics.analytics import BELOW, told
    from activities.analytics.comparison import Compared, Comparison
    from models.incident.report import Chart, Report, Series
    from workflows.diagnosis.situation import Situation

TO_DO = (
    "Review A/B test results",
    "Adjust content strategy if needed",
    "Increase budget for winning niches",
    "Kill underperforming products",
    "Explore new affiliate networks",
)
MOST = 10
"""Platforms and products that are named, and drawn."""


def platforms_of(now: Situation) -> tuple[Compared, ...]:
    """By the figures of the revenue where they name platforms, else as the application compares them."""
    compared = now[looks.revenue].compared
    return compared.platforms if compared and compared.platforms else now[looks.platforms].platforms


def revenue_report(now: Situation, cause: str, remedy: str) -> Report:
    """Made of what was seen; what could not be seen is said."""
    compared = now[looks.revenue].compared
    assert compared is not None, "a decline that is confirmed was compared"  # noqa: S101
    return Report(
        title=f"Revenue of {compared.of} is under that of the day before",
        paragraphs=tuple(_paragraphs(now, compared, cause, remedy)),
        charts=tuple(_charts(now, compared)),
        to_do=TO_DO,
    )


def _paragraphs(now: Situation, compared: Comparison, cause: str, remedy: str) -> Iterable[str]:
    yield f"Revenue of {compared.of}: {told(compared.total, compared.currency)}."
    yield f"Cause: {cause}. {remedy[:1].upper()}{remedy[1:]}."
    if compared.refunds:
        yield f"Of this, {-compared.refunds:,.2f} was given back: refunds count as negative revenue."
    for what, each in (("platform", platforms_of(now)), ("product", compared.products)):
        fell = [f"{one.name} {told(one)}" for one in each if one.lost][:MOST]
        if fell:
            yield f"By {what}: {'; '.join(fell)}."
        elif each:
            yield f"By {what}: none earned less than the day before."
    yield f"Products: {now[looks.product_returns].reason}."
    yield f"Videos: {now[looks.last_video].reason}; {now[looks.video_queue].reason}."
    for one in now[looks.open_incidents].incidents:
        since = f"{one.opened_at:%Y-%m-%d %H:%M} UTC"
        yield f"Open since {since}: {one.id} ({one.phase}); see `starter.py show {one.id}`."
    blind = [f"{name}: {one.reason}" for name, one in now.seen.by_name.items() if one.unknown]
    if blind:
        yield f"Not known: {'; '.join(blind)}."


def _charts(now: Situation, compared: Comparison) -> Iterable[Chart]:
    unit = f" {compared.currency}" if compared.currency else ""
    known = [(one.day, one.amount) for one in compared.days if one.amount is not None]
    if known:
        best, worst = (pick(known, key=lambda one: one[1]) for pick in (max, min))
        yield Chart(
            name="days",
            title="Revenue by day",
            says=f"the most on {best[0]} ({best[1]:,.2f}), the least on {worst[0]} ({worst[1]:,.2f}),"
            f" {compared.total.now:,.2f} on the last whole day",
            labels=tuple(one.day for one in compared.days),
            series=(Series(name="revenue", values=tuple(one.amount for one in compared.days)),),
            unit=unit,
        )
    platforms = platforms_of(now)[:MOST]
    if platforms:
        yield _of_three("platforms", "Revenue by platform", platforms, unit)
    if compared.products:
        yield _of_three("products", "Revenue by product", compared.products[:MOST], unit)
    returns = now[looks.product_returns].products[:MOST]
    if returns:
        losing = sum(one.roi < BELOW for one in returns)
        yield Chart(
            name="returns",
            title="Return on what was spent, by product",
            says=f"{losing} of {len(returns)} return less than {BELOW} for each dollar spent",
            labels=tuple(one.name for one in returns),
            series=(Series(name="return", values=tuple(one.roi for one in returns)),),
            line=BELOW,
        )


def _of_three(name: str, title: str, each: tuple[Compared, ...], unit: str) -> Chart:
    return Chart(
        name=name,
        title=title,
        says="; ".join(f"{one.name} {told(one)}" for one in each[:3]),
        labels=tuple(one.name for one in each),
        series=(
            Series(name="last whole day", values=tuple(one.now for one in each)),
            Series(name="day before", values=tuple(one.before for one in each)),
            Series(name="same weekday of last week", values=tuple(one.week_ago for one in each)),
        ),
        unit=unit,
    )
