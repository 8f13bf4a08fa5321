"""The fixes of NoVideosGenerated: each makes exact plans from what was seen, or none."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.executions import RetryWorkflow
    from models.actions.plan import Offer, Plan, offered
    from models.actions.videos import (
        GenerateVideos,
        RaiseBudget,
        UseBackupGenerator,
        WaitForReset,
    )
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import budget_reset_at
    from workflows.videos.signs import providers_down

A_CENT = 0.01


def generate(now: Situation) -> Plan:
    """Ask the application for videos."""
    step = GenerateVideos(service=now.service, last_at=now[looks.last_video].at)
    return Plan(steps=(step,), why=now[looks.last_video].reason)


def use_backup(now: Situation) -> Plan | None:
    """The configured generator, for as long as a provider is down."""
    videos, down = now.service.videos, providers_down(now)
    if videos is None or videos.backup is None or not down:
        return None
    names = ", ".join(dict.fromkeys(one.name for one in down))
    step = UseBackupGenerator(
        service=now.service, generator=videos.backup.name, because_of=names, at_most=videos.backup.at_most
    )
    return Plan(steps=(step,), why="; ".join(one.says for one in down[:4]))


def wait_or_raise(now: Situation) -> Offer | None:
    """Wait for the budget of the next day, or raise today's: the second only from its usual value."""
    seen, videos = now[looks.budget], now.service.videos
    if seen.observed_at is None:
        return None
    until = budget_reset_at(now, seen.observed_at)
    wait = Plan(
        steps=(WaitForReset(service=now.service, until=until, zone=now.service.time_zone),), why=seen.reason
    )
    switch = videos.budget if videos else None
    if switch is None or seen.budget is None or abs(seen.budget - switch.usual) >= A_CENT:
        return wait
    more = RaiseBudget(service=now.service, from_dollars=switch.usual, to_dollars=switch.raised, until=until)
    return offered(wait, Plan(steps=(more,), why=seen.reason))


def retry_workflow(now: Situation) -> Plan | None:
    """The exact run that failed, from its last good task."""
    proposal = now[looks.retry]
    if not proposal.ok:
        return None
    step = RetryWorkflow(service=now.service, **proposal.what)
    return Plan(steps=(step,), why=proposal.reason)
