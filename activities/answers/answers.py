"""Looks, acts and proves with the commands that the configuration has for an alert.

Exit status 0 is well, or done; 1 with a line of output is not. Anything else says nothing about the
service and is `unknown`: another status, 1 without a word (as a script that breaks itself exits), a
command that cannot run or takes too long.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.answers.places import NoPlace, Places
from activities.answers.script import CannotRun, run_script
from activities.managers import ManagerRefused, Unsupported
from activities.service.outcomes import Outcome
from activities.service.run_once import effect, once
from activities.support.stability import Pace
from activities.support.watch import watch
from models.actions.allowed import Allowed
from models.actions.answers import RunScript
from models.actions.change import ActionResult, Perform
from models.actions.plan import LookBack
from models.evidence.evidence import Evidence, Finding, VerificationRequest, VerificationResult
from models.service.request import ServiceRequest

LOOK_WITHIN = timedelta(seconds=10)
LOOK_ENDS_WITHIN = timedelta(seconds=2)
"""From SIGTERM to SIGKILL, and once more for that to work: all within the time of a look's activity."""
PROOFS_AT_ONCE = 16
EVERY = timedelta(seconds=5)
SETTLES_WITHIN = timedelta(minutes=1)
"""So long the proof may take to be well for the first time."""


class AnswerSeen(Evidence):
    """What the `look` of an answer found."""


class LookByScript(ServiceRequest):
    """Look with this command."""

    command: tuple[str, ...]
    environment: tuple[str, ...] = ()

    def strays(self, allowed: Allowed) -> Iterator[str]:
        """It must be the `look` of an answer."""
        if not any(
            (one.look, one.environment) == (self.command, self.environment) for one in allowed.scripts
        ):
            yield f"no `answer` looks by {shlex.join(self.command)} with these variables"


class WatchByScript(VerificationRequest):
    """Verify with this command."""

    command: tuple[str, ...]
    environment: tuple[str, ...] = ()

    def strays(self, allowed: Allowed) -> Iterator[str]:
        """It must be the proof of an answer."""
        if not any(
            (one.verify, one.environment) == (self.command, self.environment) for one in allowed.scripts
        ):
            yield f"no `answer` verifies by {shlex.join(self.command)} with these variables"


class AnswerActivities:
    """Runs what `runbooks.yaml` names on the host of this worker, as its user."""

    def __init__(self, proofs_at_once: int = PROOFS_AT_ONCE, waits: timedelta = LOOK_WITHIN) -> None:
        self._places = Places(proofs_at_once, waits)

    @activity.defn
    def look_by_script(self, request: LookByScript) -> AnswerSeen:
        """`ok` at exit status 0, `bad` at 1, else `unknown`. It may be asked several times in a row."""
        return _seen(request.command, request.environment)

    @activity.defn(no_thread_cancel_exception=True)
    def run_configured_script(self, request: Perform[RunScript]) -> ActionResult:
        """Run it once. Raises `ApplicationError`, non-retryable, when it cannot begin."""
        script = _Once(request.action)
        return once(request.action.says, script.look, script.act)

    @activity.defn
    def look_back_at_script(self, request: LookBack) -> ActionResult:
        """After an outcome was lost: well by its proof is done. Else it stays unknown: it is not run again.

        Raises `ApplicationError`, to be retried, while the proof says nothing.
        """
        action = request.action
        if not isinstance(action, RunScript):
            raise ApplicationError(f"{action.kind} is no script", type="Unsupported", non_retryable=True)
        seen = _seen(action.verify, action.environment)
        if seen.unknown:
            raise ApplicationError(seen.reason, type="Unknown")
        if seen.ok:
            return effect(True, f"its outcome was lost, and now it is well: {seen.reason}")
        why = f"its outcome was lost, and whether it ran to its end is unknown: {seen.reason}"
        return ActionResult(done=False, lost=True, found=why, at=datetime.now(UTC))

    @activity.defn
    async def watch_by_script(self, request: WatchByScript) -> VerificationResult:
        """Well without a break for `stable_for`."""
        pace = Pace(
            every=min(EVERY, max(request.stable_for / 3, timedelta(milliseconds=500))),
            settle=SETTLES_WITHIN,
            stable_for=request.stable_for,
            well="well by its `verify`",
        )

        async def proof() -> AnswerSeen:
            try:
                return await self._places.run(lambda: _seen(request.command, request.environment))
            except NoPlace as why:
                return AnswerSeen(reason=str(why), observed_at=datetime.now(UTC))

        return await watch(proof, pace)


def _seen(command: tuple[str, ...], environment: tuple[str, ...]) -> AnswerSeen:
    now = datetime.now(UTC)
    try:
        ended = run_script(command, LOOK_WITHIN, environment, LOOK_ENDS_WITHIN)
    except CannotRun as why:
        return AnswerSeen(reason=str(why), observed_at=now)
    how = ended.says(command[0], LOOK_WITHIN)
    if ended.status == 0:
        return AnswerSeen(finding=Finding.OK, reason=ended.said or how, observed_at=now)
    if ended.status == 1 and ended.said:
        return AnswerSeen(finding=Finding.BAD, reason=ended.said, observed_at=now)
    if ended.status == 1:
        how += "; it wrote no line to its output, so it may have failed itself"
    return AnswerSeen(reason=how, observed_at=now)


class _Once:
    """One run of the script of one action; `look` and `act` have the shape of every effect."""

    def __init__(self, action: RunScript) -> None:
        self._action = action
        self._found = ""

    def look(self) -> Outcome:
        """Before the run nothing is known of it; after it, that it succeeded."""
        return Outcome(bool(self._found), self._found or "it was not run yet", "")

    def act(self) -> None:
        """Run it.

        Raises `ManagerRefused` with its last words if it fails, `Unsupported` if it cannot begin.
        """
        action = self._action
        try:
            ended = run_script(action.command, action.timeout, action.environment)
        except CannotRun as why:
            raise Unsupported(f"the script was not run: {why}") from None
        said = ended.says(action.command[0], action.timeout)
        if ended.status != 0:
            raise ManagerRefused(f"the script failed: {said}")
        self._found = said
