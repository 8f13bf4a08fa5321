"""RevenueDeclining: the last whole day earned less than the day before (info, 4 hours).

Check status   revenue of the last whole day against the day before; today is not over
Evidence       the same weekday of last week; by platform and product; what products return; whether
               videos are generated and published; which other incidents are open
Causes         the table below, walked in order: what needs nobody, what is one platform's, what is
               another incident's, what somebody must decide
Output         a report with charts to whose alert it is; it waits until somebody has read it.
               Nothing is changed
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.analytics.comparison import Compared
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.names import NO_PRODUCTS_SYNCED, NO_VIDEOS_GENERATED
    from workflows.diagnosis.causes import Cause, ask_a_human
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.reports.revenue import platforms_of, revenue_report

AS_USUAL = 0.9
"""At least this share of the same weekday of last week is as much as then."""
HALF = 0.5
MOST_OF_IT = 0.75
"""The share of the whole loss that makes it one platform's."""
A_LITTLE = 0.1
"""A smaller share of the loss explains nothing."""
HALF_A_DAY = timedelta(hours=12)
VIDEO_ALERTS = (NO_VIDEOS_GENERATED, NO_PRODUCTS_SYNCED)


def weekly_pattern(now: Situation) -> bool:
    """On this weekday it is always so."""
    compared = now[looks.revenue].compared
    share = compared.total.share_of(compared.total.week_ago) if compared else None
    return share is not None and share >= AS_USUAL


def a_platform_halved(now: Situation) -> bool:
    """Others may hide what one of them lost."""
    shares = (one.share_of(one.week_ago) for one in platforms_of(now))
    return any(share is not None and share < HALF for share in shares)


def worst_platform(now: Situation) -> Compared | None:
    """The one that lost most of what was lost, where there are several."""
    platforms = platforms_of(now)
    worst = max(platforms, key=lambda one: one.lost, default=None)
    if worst is None or len(platforms) < 2 or not worst.lost:
        return None
    most = worst.lost >= MOST_OF_IT * sum(one.lost for one in platforms)
    return worst if most and worst.before and worst.lost >= A_LITTLE * worst.before else None


def one_platform_fell(now: Situation) -> bool:
    return worst_platform(now) is not None


def as_low_last_week(now: Situation) -> bool:
    worst = worst_platform(now)
    share = worst.share_of(worst.week_ago) if worst else None
    return share is not None and share >= AS_USUAL


def videos_are_missing(now: Situation) -> bool:
    """Nothing is generated, nothing moves or is published, or an incident says so already."""
    told = any(one.service == now.service.name for one in now[looks.open_incidents].of(*VIDEO_ALERTS))
    return now[looks.last_video].bad or not_published(now) or now[looks.video_queue].bad or told


def not_published(now: Situation) -> bool:
    published = now[looks.last_video].published_age
    return published is not None and published >= HALF_A_DAY


def missing_for_too_short(now: Situation) -> bool:
    """What stopped a few hours ago explains no whole day."""
    video = now[looks.last_video]
    return video.age is not None and video.age < HALF_A_DAY and not not_published(now)


def products_lose(now: Situation) -> bool:
    return now[looks.product_returns].bad


def they_earn_as_before(now: Situation) -> bool:
    """By the revenue of each, where that is told."""
    compared, losing = now[looks.revenue].compared, now[looks.product_returns].losing
    known = [one for one in losing if one.revenue is not None and one.before is not None]
    if not compared or len(known) < len(losing):
        return False
    lost = sum((one.before or 0.0) - (one.revenue or 0.0) for one in known)
    return lost < A_LITTLE * compared.total.lost


CAUSES = (
    Cause(
        name="weekly pattern",
        evidence="the same weekday of last week was as low",
        matches=weekly_pattern,
        contradicted_by="a platform earned less than half of what it did then",
        contradicts=a_platform_halved,
        remedy="nothing to do: it is so on this weekday",
        fix=ask_a_human,
    ),
    Cause(
        name="one platform fell",
        evidence="of several platforms, one lost most of what was lost",
        matches=one_platform_fell,
        contradicted_by="on the same weekday of last week it was as low",
        contradicts=as_low_last_week,
        remedy="look at that platform: its account, its API, its algorithm, its links",
        fix=ask_a_human,
    ),
    Cause(
        name="no videos",
        evidence="none is generated or published, none moves in the queue, or an incident about it is open",
        matches=videos_are_missing,
        contradicted_by="the last one is younger than half a day, which explains no whole day",
        contradicts=missing_for_too_short,
        remedy="have it healed in its own incident, which the report names if it is open",
        fix=ask_a_human,
    ),
    Cause(
        name="products that lose money",
        evidence="products return less than half of what is spent on them",
        matches=products_lose,
        contradicted_by="they earned as much as the day before",
        contradicts=they_earn_as_before,
        remedy="decide which of them to stop",
        fix=ask_a_human,
    ),
)


@workflow.defn
class RevenueDeclining(Runbook):
    """The last whole day earned less than the day before."""

    hurts = "the business, which earns less than the day before; users notice nothing of it by this alone"

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.revenue,
            looks.platforms,
            looks.product_returns,
            looks.last_video,
            looks.video_queue,
            looks.open_incidents,
            looks.health,
            looks.process,
        )
        await incident.have_it_answer(looks.revenue)
        await incident.confirm(looks.revenue)
        cause = incident.diagnose(CAUSES)
        await incident.report(revenue_report(incident.now, cause.name, cause.remedy))
