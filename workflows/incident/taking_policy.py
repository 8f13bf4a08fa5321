"""The policy of an incident, taken once: a later edit of the configuration does not change it."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.incidents.policy import PolicyActivities
    from models.incident.alert import Alert
    from models.incident.policy import Policy


async def policy_as_of_now(alert: Alert) -> Policy:
    """Target, thresholds, deadlines, ladder and risks for this alert."""
    policy: Policy = await workflow.execute_local_activity_method(
        PolicyActivities.take_policy,
        alert,
        start_to_close_timeout=timedelta(seconds=10),
        summary="policy as of now",
    )
    return policy
