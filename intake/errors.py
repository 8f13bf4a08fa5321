"""What may go wrong between the door and Temporal.

Trouble
 ├── TemporalAway      Temporal has not got it: try again later
 ├── NobodyAnswers     Temporal is there, but no worker took the question in time
 ├── NoSuchIncident    nothing of that ID is open, or ever was
 └── Rejected          the incident says that this can never be valid, and why
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import RPCTimeoutOrCancelledError, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

_NOBODY = "no worker answered in time: is `python worker.py` running?"


class Trouble(Exception):
    """The text says what happened, in one line."""


class TemporalAway(Trouble):
    pass


class NobodyAnswers(Trouble):
    pass


class NoSuchIncident(Trouble):
    pass


class Rejected(Trouble):
    pass


@asynccontextmanager
async def in_time(within: timedelta, asked: str = "") -> AsyncIterator[None]:
    """Bound what is asked of Temporal, and name what went wrong. `asked` is the ID in question."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise (
            NobodyAnswers(_NOBODY) if asked else TemporalAway("Temporal did not answer in time")
        ) from error
    except WorkflowUpdateFailedError as error:
        cause = error.__cause__
        raise Rejected(cause.message if isinstance(cause, ApplicationError) else str(cause)) from error
    except WorkflowQueryFailedError as error:
        raise NoSuchIncident(f"{asked} is not an incident") from error
    except RPCError as error:
        raise _meaning(error, asked) from error
    except RuntimeError as error:  # the SDK's, when a lazy client cannot connect
        raise TemporalAway("Temporal cannot be reached") from error


def not_found(error: RPCError) -> bool:
    """Whether a workflow is missing; a missing namespace is another matter."""
    return error.status is RPCStatusCode.NOT_FOUND and "namespace" not in error.message.lower()


def _meaning(error: RPCError, asked: str) -> Trouble:
    if asked and not_found(error):
        return NoSuchIncident(f"there is no open incident {asked}")
    waited = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION)
    if asked and error.status in waited:
        return NobodyAnswers(_NOBODY)
    return TemporalAway(f"Temporal answered {error.status.name}: {error.message}")
