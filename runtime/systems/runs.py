"""How a worker keeps the runs of workflows in memory."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from models.actions.kinds import kinds

CACHED_RUNS = 250
"""Runs that a worker keeps in memory, the most recently used: some 50 MB. Most open incidents wait for a
person, and to replay one for a message costs some 15 ms. The SDK's default of 1,000 would need four times the
memory, and start 200 incidents at once less than a tenth faster."""

RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("workflows")
)
"""The product's own workflows are loaded once, not once for each run: their modules hold no state, and a test
reads them for what a replay would decide differently. A workflow from elsewhere has its module for itself."""

kinds()  # before any run: one that imports the actions itself would have classes of its own
