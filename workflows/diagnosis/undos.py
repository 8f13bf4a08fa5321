"""Every undo of a temporary fix, by its name."""

from __future__ import annotations

import workflows.diagnosis.plans as plans
import workflows.diagnosis.verifications as verifications
from models.actions.plan import Plan
from workflows.diagnosis.causes import Undo

WHEN_PROVIDERS_ARE_FAST = Undo(
    "restore when the providers are fast", plans.restore, when=verifications.PROVIDERS_FAST
)
WHEN_PROVIDERS_ARE_BACK = Undo(
    "restore when the providers are back", plans.restore, when=verifications.PROVIDERS_BACK
)

WHEN_REPAIRED_IF_DISABLED = Undo(
    "end the disabling of an endpoint",
    plans.reopen_endpoint("disable"),
    when=verifications.ENDPOINT_BACK,
    with_alert=plans.nobody_sees_behind,
)
WHEN_REPAIRED_IF_MAINTAINED = Undo(
    "end the maintenance answer of an endpoint",
    plans.reopen_endpoint("maintenance"),
    when=verifications.ENDPOINT_BACK,
    with_alert=plans.nobody_sees_behind,
)

WHEN_VIDEO_PROVIDERS_ARE_BACK = Undo(
    "use the usual generator when its provider is back",
    plans.use_usual,
    when=verifications.VIDEO_PROVIDERS_BACK,
)
AT_THE_RESET = Undo(
    "set the budget back",
    plans.restore_budget,
    when=verifications.AtTheReset(),
    with_the_incident=True,
)

UNDOS = {
    one.name: one
    for one in (
        WHEN_PROVIDERS_ARE_BACK,
        WHEN_PROVIDERS_ARE_FAST,
        WHEN_REPAIRED_IF_DISABLED,
        WHEN_REPAIRED_IF_MAINTAINED,
        WHEN_VIDEO_PROVIDERS_ARE_BACK,
        AT_THE_RESET,
    )
}


def of_endpoint(plan: Plan) -> Undo | None:
    """What is reverted of the plan that was taken; a rollback is not."""
    kinds = {step.kind for step in plan.steps}
    if "disable-endpoint" in kinds:
        return WHEN_REPAIRED_IF_DISABLED
    return WHEN_REPAIRED_IF_MAINTAINED if "answer-maintenance" in kinds else None
