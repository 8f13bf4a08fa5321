"""The samples of the verifications that go on: they ride in the heartbeats of their activities."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionDescription

from activities.support.stability import Samples

_VERIFY = ("watch", "wait_for")
"""How the names of the activities begin that sample."""


async def going_on(client: Client, seen: WorkflowExecutionDescription) -> Sequence[tuple[str, Samples]]:
    """The name of each activity that samples now, and its samples; without what cannot be read."""
    found = list[tuple[str, Samples]]()
    for pending in seen.raw_description.pending_activities:
        payloads, name = pending.heartbeat_details.payloads, pending.activity_type.name
        if not payloads or not name.startswith(_VERIFY):
            continue
        try:
            (samples,) = await client.data_converter.decode([payloads[0]], [Samples])
        except (ValidationError, ValueError, RuntimeError):
            continue
        if samples.sampled_at:
            found.append((name, samples))
    return found
