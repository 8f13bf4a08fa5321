"""Actions on workflows of the application, in its own Temporal."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from models.actions.change import Change, Risk


class RetryWorkflow(Change):
    """Let one failed run go on from its last good task, or start it again with the same input.

    It names the exact run: when that is no longer the newest of its workflow, nothing is done.
    """

    risk = Risk.GUARDED
    uses = ("temporal",)
    kind: Literal["retry-workflow"] = "retry-workflow"
    type: str
    workflow_id: str
    run_id: str
    closed_at: datetime
    error: str
    """What ended it, for the person who approves."""
    reset_to: int | None = None
    """The event of its history to go on from; None to start it again."""
    before: str = ""
    """What is done again first, where it goes on."""

    @property
    def says(self) -> str:
        run = f"{self.type} {self.workflow_id} (run {self.run_id}) of {self.service.name}"
        if self.reset_to is None:
            return f"start {run} again"
        return f"reset {run} to event {self.reset_to}"

    @property
    def changes(self) -> str:
        """With the error: who approves must know what failed."""
        failed = f"it failed at {self.closed_at:%Y-%m-%d %H:%M:%S} UTC with: {self.error or 'no known error'}"
        if self.reset_to is None:
            return f"a new run of {self.service.name} begins with the same input; {failed}"
        again = f"{self.before} is done again" if self.before else "its last task is done again"
        return f"a new run of {self.service.name} goes on where the old one was, and {again}; {failed}"

    @property
    def undo(self) -> str:
        return "terminate the new run; what it has done by then stays done"
