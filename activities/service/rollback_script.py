"""The configured way back, for what is not an image: a script that is run once.

What a script changes is not known here, so its exit status says whether it is done; that the
version is no longer the one to leave says that it need not run.
"""

from __future__ import annotations

from activities.managers import ManagerRefused, ServiceManager, Unsupported
from activities.managers.command import run
from activities.service.outcomes import Outcome
from activities.support.environment import VariableMissing, minimal
from activities.support.redaction import clean
from models.actions.service import RollBack
from models.service.service import RollBackScript

_BEGUN = -1


class ScriptRun:
    """One run of the script of one action; `look` and `act` have the shape of every effect."""

    def __init__(self, manager: ServiceManager, action: RollBack, script: RollBackScript) -> None:
        self._manager, self._action, self._script = manager, action, script
        self._status: int | None = None
        self._said = ""

    def look(self) -> Outcome:
        """Before the run, the version that runs; after it, how the script ended."""
        seen = self._manager.state()
        version = seen.image or seen.reason
        if self._status is None:
            gone = not seen.version.same(self._action.leaves)
            return Outcome(gone, f"it runs {version}, and no longer {self._action.from_version}", version)
        ended = f"the rollback script succeeded{self._said}; it is {seen.reason}"
        return Outcome(self._status == 0, ended, version)

    def act(self) -> None:
        """Run it. Raises `ManagerRefused` with its last words if it fails or takes too long.

        Raises `Unsupported` if it cannot begin.
        """
        script = self._script
        try:
            environment = minimal(script.environment)
        except VariableMissing as missing:
            raise Unsupported(f"the rollback script was not run: {missing}") from None
        self._status = _BEGUN
        done = run(
            script.command, timeout=script.timeout, directory=script.directory, environment=environment
        )
        self._status = done.status
        if done.status != 0:
            raise ManagerRefused(f"the rollback script failed with status {done.status}: {done.last_words}")
        if lines := done.output.strip().splitlines():
            self._said = f", and its last line is “{clean(lines[-1], 200)}”"
