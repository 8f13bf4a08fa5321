"""What a look found, and by what an activity failed, fits into the task of the workflow that asked.

Many looks end in one task, and what is too large for it can never be handed in: the workflow would begin the
same looks again and again, and call nobody. So an answer that is too large is a failure of one look.
"""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.support.redaction import clean
from models.evidence.evidence import Evidence

LARGEST = 2**19
"""Bytes of JSON, of one look: a task of a workflow has 4 MiB. The lines of a log take up to half of it."""
LONGEST_FAILURE = 2000
"""Characters of a message: it stands in the timeline, and may quote what another system sent."""


class BoundedAnswers(Interceptor):
    """For every worker that hosts activities."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Bounded(next)


class _Bounded(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            answer = await super().execute_activity(input)
        except FailureError:
            raise
        except Exception as error:
            if len(str(error)) <= LONGEST_FAILURE:
                raise
            raise ApplicationError(clean(str(error), LONGEST_FAILURE), type=type(error).__name__) from None
        if isinstance(answer, Evidence) and len(answer.model_dump_json()) > LARGEST:
            says = "what answers sends more than can be kept"
            raise ApplicationError(says, type="TooLarge", non_retryable=True)
        return answer
