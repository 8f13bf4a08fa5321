"""What may fail between the intake or a command and Temporal.

Trouble
 ├── TemporalAway      Temporal could not be reached: try again later
 ├── Unfit             Temporal will never accept this request
 ├── NobodyAnswers     no worker answered in time, or the run cannot answer
 ├── NoSuchIncident    no incident has this ID
 ├── NoSuchSchedule    a check has no schedule
 ├── NoReport          a run of a check left none
 ├── NoReview          an incident has none: it is open, ended without one, or is gone
 ├── NotOurs           somebody else's schedule has the ID of a check
 ├── NoKey             nothing to sign a person's word with
 └── Rejected          the incident refused it, with a reason
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import RPCTimeoutOrCancelledError, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from models.text import plain

_NOBODY = "no worker answered in time: is `python worker.py` running?"

_UNKNOWN = (
    "nobody knows yet whether it counted, for it was sent and no answer came: look at the incident "
    "before you send it again"
)


class Trouble(Exception):
    """The text says what happened, in one line."""

    may_count = False
    """Whether it was sent, and may count all the same: no answer came."""


class TemporalAway(Trouble):
    pass


class Unfit(Trouble):
    pass


class NobodyAnswers(Trouble):
    pass


class NoSuchIncident(Trouble):
    pass


class NoSuchSchedule(Trouble):
    pass


class NoReport(Trouble):
    pass


class NoReview(Trouble):
    pass


class NotOurs(Trouble):
    pass


class NoKey(Trouble):
    pass


class Rejected(Trouble):
    pass


class DoesNotReplay(Exception):
    """Open runs would not go on with this code. The text names them and the cure."""


@asynccontextmanager
async def in_time(within: timedelta, asked: str = "") -> AsyncIterator[None]:
    """Bound a request to Temporal, and translate its errors. `asked` is the workflow's ID."""
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
    except WorkflowQueryFailedError as error:  # the run exists; NOT_FOUND is an RPCError
        raise NobodyAnswers(_mute(asked, error.message)) from error
    except RPCError as error:
        raise _meaning(error, asked) from error
    except RuntimeError as error:  # the SDK's, when a lazy client cannot connect
        raise TemporalAway("Temporal cannot be reached") from error


@asynccontextmanager
async def sent_in_time(within: timedelta, asked: str) -> AsyncIterator[None]:
    """The same for what changes something: without an answer, nobody knows whether it counted."""
    try:
        async with in_time(within, asked):
            yield
    except (NobodyAnswers, TemporalAway) as trouble:
        unknown = type(trouble)(f"{_UNKNOWN} ({trouble})")
        unknown.may_count = True
        raise unknown from trouble


def not_found(error: RPCError) -> bool:
    """Whether a workflow is missing; a missing namespace is another matter."""
    elsewhere = NamespaceNotFoundFailure.DESCRIPTOR
    return error.status is RPCStatusCode.NOT_FOUND and not any(
        detail.Is(elsewhere) for detail in error.grpc_status.details
    )


def unfit(error: RPCError) -> bool:
    """Whether this one request is invalid. A missing search attribute is not: a worker registers it."""
    return error.status is RPCStatusCode.INVALID_ARGUMENT and "search attribute" not in error.message.lower()


def _meaning(error: RPCError, asked: str) -> Trouble:
    if asked and not_found(error):
        return NoSuchIncident(f"there is no open incident {asked}")
    if asked and error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
        return NobodyAnswers(_NOBODY)
    if asked and error.status is RPCStatusCode.FAILED_PRECONDITION:
        return NobodyAnswers(_mute(asked, error.message))
    return TemporalAway(f"Temporal answered {error.status.name}: {error.message}")


def _mute(asked: str, why: str) -> str:
    return plain(f"{asked} cannot answer now: {why}; see its run in the Temporal UI")
