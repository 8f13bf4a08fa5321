"""The shape of an effect that blocks: look, act once, look again.

It does nothing when it finds itself done, and what it reports is what was seen afterwards, not
what was answered. So an effect may be asked for again after its answer was lost, and still happens
once. Errors are final, as in `activities.service.actions`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from temporalio.exceptions import ApplicationError

from activities.managers import ManagerError, ManagerRefused, ManagerUnreachable, Unsupported
from activities.service.outcomes import Outcome
from activities.support.heartbeats import Attempt, GivenUp, beating_in_thread
from models.actions.change import ActionResult

SETTLES_WITHIN = timedelta(seconds=20)
"""In this time a change that was taken, or may have been taken, must show."""

_LOOK_EVERY = 0.25
_FRESH_FOR = 1.0
"""Seconds after which somebody else may have acted since the look began."""

Look = Callable[[], Outcome]
"""One look at what the action changes. Raises a `ManagerError` when it cannot be told."""


def once(says: str, look: Look, act: Callable[[], None], within: timedelta = SETTLES_WITHIN) -> ActionResult:
    """Do what `says` says, if it does not show already; tell what shows afterwards.

    Raises `ApplicationError`, non-retryable, when nothing was done (`ManagerUnreachable`,
    `Unsupported`), or when nobody could be asked whether it was (`OutcomeLost`): it may be asked for
    again then. So it is when another worker may have taken over between the look and the act.
    """
    with beating_in_thread() as attempt, _final():
        before = _fresh(look)
        if before.happened:
            return effect(True, f"nothing to do: {before.found}", before.state, before.state)
        _only_here(attempt, says)
        why = ""
        try:
            act()
        except ManagerRefused as error:
            after = look()
            return effect(
                after.happened, after.found if after.happened else str(error), before.state, after.state
            )
        except ManagerUnreachable as error:
            why = f" ({error})"  # it may have happened all the same
        try:
            after = _settled(look, within)
        except ManagerUnreachable as error:
            raise ApplicationError(
                f"asked to {says}, but then it could not be seen whether it happened: {error}",
                type="OutcomeLost",
                non_retryable=True,
            ) from error
        return effect(after.happened, after.found + why, before.state, after.state)


def _fresh(look: Look) -> Outcome:
    """What is seen now: a look that took long tells of a service as it was."""
    began = time.monotonic()
    seen = look()
    return seen if seen.happened or time.monotonic() - began < _FRESH_FOR else look()


def _only_here(attempt: Attempt, says: str) -> None:
    try:
        attempt.still_mine()
    except GivenUp as why:
        raise ApplicationError(f"did not {says}: {why}", type="OutcomeLost", non_retryable=True) from why


def looked_back(look: Look, within: timedelta = SETTLES_WITHIN) -> ActionResult:
    """Whether it has happened, after an answer was lost. Changes nothing.

    Raises `ApplicationError`, to be retried, while nobody can be asked.
    """
    try:
        after = _settled(look, within)
    except ManagerUnreachable as error:
        raise ApplicationError(str(error), type="ManagerUnreachable") from error
    except ManagerError as error:
        return effect(False, str(error))
    return effect(after.happened, after.found, after=after.state)


def effect(done: bool, found: str, before: str = "", after: str = "") -> ActionResult:
    """What is reported, as of now."""
    return ActionResult(done=done, found=found, at=datetime.now(UTC), before=before, after=after)


def _settled(look: Look, within: timedelta) -> Outcome:
    """Look until it has happened, or until it no longer will."""
    until = time.monotonic() + within.total_seconds()
    while True:
        over = time.monotonic() >= until
        try:
            now = look()
        except ManagerUnreachable:
            if over:
                raise
        else:
            if now.happened or over:
                return now
        time.sleep(_LOOK_EVERY)


@contextmanager
def _final() -> Iterator[None]:
    """Errors of managers as the workflow knows them."""
    try:
        yield
    except (ManagerUnreachable, ManagerRefused, Unsupported) as error:
        raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from None
