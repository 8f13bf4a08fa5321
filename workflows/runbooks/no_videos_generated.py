"""NoVideosGenerated: no video for two hours (warning, 30 minutes).

Check status   when the last video was generated, what waits in the queue, what was spent today and
               whether the budget is reached, the providers that make videos
Evidence       the workflows that failed or are stuck with their errors, the products, the schedules,
               the logs and Sentry
Causes         the table below, walked in order. Nothing matches: a person is asked whether to generate once
Recovery       what keeps the videos from being made is over; then generate, unless it has begun again
Verify         a newer video is there
Undo           the usual generator makes the videos again when its provider is back; the budget is
               set back when the incident ends, and at its reset at the latest
"""

from __future__ import annotations

from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.undos as undos
    import workflows.diagnosis.verifications as verifications
    import workflows.videos.plans as plans
    from activities.monitoring.providers import ProviderKind
    from models.actions.plan import Plan
    from models.actions.videos import RaiseBudget, WaitForReset
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from models.names import NO_PRODUCTS_SYNCED
    from models.service.videos import Videos
    from workflows.diagnosis.causes import Cause, Undo
    from workflows.diagnosis.provider_failures import they_serve
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook
    from workflows.videos.signs import (
        is_generating,
        only_its_words,
        paused_on_purpose,
        provider_down,
        provider_not_reached,
        providers_down,
        stuck_generation,
    )

WELL_UNDER = 0.9
"""The share of the budget under which the costs of today speak against a budget that is reached."""


def goes_on_or_paused(now: Situation) -> bool:
    return is_generating(now) or bool(paused_on_purpose(now))


def provider_serves(now: Situation) -> bool:
    return goes_on_or_paused(now) or they_serve(now, providers_down(now))


def answer_again(names: tuple[str, ...], now: Situation) -> bool:
    """None of them is down any more by its probe, and each was seen; who asks who we are is there."""
    seen = {one.name: one.kind for one in now[looks.providers].providers}
    there = (ProviderKind.UP, ProviderKind.REFUSES_US)
    return all(seen[name] in there for name in names if name in seen)


def budget_hit(now: Situation) -> bool:
    return now[looks.budget].bad


def not_by_the_budget(now: Situation) -> bool:
    """The costs of today are another word on it, else what it tells of itself: both from the application."""
    budget, spent = now[looks.budget].budget, now[looks.daily_summary].total
    spent = now[looks.budget].spent if spent is None else spent
    well_under = budget is not None and spent is not None and spent < WELL_UNDER * budget
    return goes_on_or_paused(now) or well_under


def workflow_crashed(now: Situation) -> bool:
    return looks.failed_generation(now) is not None or stuck_generation(now) is not None


def not_by_the_workflow(now: Situation) -> bool:
    """A video was made after it failed, or there is nothing to make one of."""
    failed, last = looks.failed_generation(now), now[looks.last_video].at
    before = failed is not None and last is not None and failed.closed_at < last
    over = before and stuck_generation(now) is None
    return goes_on_or_paused(now) or over or no_products(now)


def no_products(now: Situation) -> bool:
    return now[looks.product_count].bad


def undo_of_the_budget(plan: Plan) -> Undo | None:
    """Only what was raised is set back."""
    return undos.AT_THE_RESET if isinstance(plan.steps[0], RaiseBudget) else None


PROVIDER_DOWN = Cause(
    name="provider down",
    evidence="a provider that makes videos fails: by its answer to a probe, the service's own calls, its"
    " circuit in the log, Sentry, or the workflow that it ended",
    matches=provider_down,
    contradicted_by="its own calls of that provider succeed, videos are being made, or somebody paused it on"
    " purpose",
    contradicts=provider_serves,
    remedy="use the backup generator until the provider is back, with approval where only its log or health"
    " check says so; without one, wait for it",
    fix=plans.use_backup,
    undo=undos.WHEN_VIDEO_PROVIDERS_ARE_BACK,
    asks_if=only_its_words,
)

BUDGET_HIT = Cause(
    name="budget hit",
    evidence="the application says that today's budget is reached",
    matches=budget_hit,
    contradicted_by="the costs of today are well under the budget, videos are being made, or somebody"
    " paused it on purpose",
    contradicts=not_by_the_budget,
    remedy="wait for the budget of the next day, or raise it for a while with approval",
    fix=plans.wait_or_raise,
    undo=undo_of_the_budget,
)

WORKFLOW_CRASHED = Cause(
    name="workflow crashed",
    evidence="a workflow that makes videos failed for good, or is stuck",
    matches=workflow_crashed,
    contradicted_by="a video was made since, there is no product, videos are being made, or somebody"
    " paused it on purpose",
    contradicts=not_by_the_workflow,
    remedy="show its error; try it again from its last good task with approval, or have its code mended",
    fix=plans.retry_workflow,
)

NO_PRODUCTS = Cause(
    name="no products",
    evidence="there is no product to make a video of",
    matches=no_products,
    contradicted_by="videos are being made, or somebody paused it on purpose",
    contradicts=goes_on_or_paused,
    remedy="sync the products first, in an incident of their own",
    fix=plans.generate,
)

PROVIDER_NOT_REACHED = Cause(
    name="provider not reached",
    evidence="a provider that makes videos does not answer us, and nobody else says that it fails",
    matches=provider_not_reached,
    contradicted_by=PROVIDER_DOWN.contradicted_by,
    contradicts=provider_serves,
    remedy="use the backup generator, with approval, until we reach the provider; without one, wait for that",
    fix=plans.use_backup,
    undo=undos.WHEN_VIDEO_PROVIDERS_ARE_BACK,
    asks=True,
)

CAUSES = (PROVIDER_DOWN, BUDGET_HIT, WORKFLOW_CRASHED, NO_PRODUCTS, PROVIDER_NOT_REACHED)

UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="generate once, unless somebody paused it on purpose, and verify",
    fix=plans.generate,
    asks=True,
)


@workflow.defn
class NoVideosGenerated(Runbook):
    """No video was generated lately."""

    hurts = (
        "the business: nothing new can be published, and it earns no views and no commission by new "
        "videos; users notice no failure"
    )

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(
            looks.last_video,
            looks.video_queue,
            looks.daily_summary,
            looks.budget,
            looks.providers,
            looks.provider_calls,
            looks.product_count,
            looks.schedules,
            looks.generations,
            looks.open_executions,
            looks.recent_logs,
            looks.health,
        )
        await incident.have_it_answer(looks.last_video)
        await incident.confirm(looks.last_video)
        now = await incident.look(looks.issues, looks.retry)
        if not is_generating(now):
            await self.make_it_possible(incident, incident.diagnose(CAUSES, otherwise=UNKNOWN))
        await incident.stays(verifications.GENERATED)

    async def make_it_possible(self, incident: Incident, cause: Cause) -> None:
        """What keeps the videos from being made is over; then they are asked for, once."""
        if cause is UNKNOWN and (paused := paused_on_purpose(incident.now)):
            incident.hand_over(f"nothing is generated while it is paused on purpose: {paused}")
        if cause in (WORKFLOW_CRASHED, UNKNOWN):
            await incident.act(cause)
            return
        if cause in (PROVIDER_DOWN, PROVIDER_NOT_REACHED):
            await self.have_a_generator(incident, cause)
        elif cause is BUDGET_HIT:
            await self.have_a_budget(incident)
        else:
            await self.have_products(incident)
        now = await incident.look(looks.last_video, looks.video_queue, looks.schedules)
        if not now[looks.last_video].bad:
            return
        if paused := paused_on_purpose(now):
            incident.hand_over(f"nothing is generated: meanwhile it was paused on purpose: {paused}")
        await incident.carry_out(plans.generate)

    async def have_a_generator(self, incident: Incident, cause: Cause) -> None:
        if plans.use_backup(incident.now):
            await incident.act(cause)
            return
        videos = incident.service.videos or Videos()
        down = tuple(dict.fromkeys(one.name for one in providers_down(incident.now)))
        waited = await incident.until(
            looks.providers,
            partial(answer_again, down),
            every=videos.every,
            at_most=videos.provider_back_within,
            why=f"{' and '.join(down)} must come back: there is no backup generator",
        )
        if not waited.well:
            incident.hand_over(f"not back in time: {waited.now[looks.providers].reason}")

    async def have_a_budget(self, incident: Incident) -> None:
        await incident.act(BUDGET_HIT)
        chosen = incident.record.performed[-1].plan.steps[0]
        if not isinstance(chosen, WaitForReset):
            return
        await incident.wait_until(chosen.until, "the budget of the next day begins then")
        now = await incident.look(looks.budget)
        if now[looks.budget].bad:
            incident.hand_over(f"it was waited for the reset of the budget, but {now[looks.budget].reason}")

    async def have_products(self, incident: Incident) -> None:
        await incident.heal_first(incident.service.name, NO_PRODUCTS_SYNCED)
        now = await incident.look(looks.product_count)
        if now[looks.product_count].bad:
            incident.hand_over(f"the products were to be synced first, but {now[looks.product_count].reason}")
