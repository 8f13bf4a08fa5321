"""Every undo of a temporary fix, by its name."""

from __future__ import annotations

import workflows.diagnosis.plans as plans
import workflows.diagnosis.verifications as verifications
from workflows.diagnosis.causes import Undo

WHEN_PROVIDERS_ARE_BACK = Undo(
    "restore when the providers are back", plans.restore, when=verifications.PROVIDERS_BACK
)

UNDOS = {one.name: one for one in (WHEN_PROVIDERS_ARE_BACK,)}
