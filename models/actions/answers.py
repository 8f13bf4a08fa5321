"""The action that the configuration itself brings: a script of its own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from models.actions.allowed import Allowed, Script
from models.actions.change import Change, Risk


class RunScript(Change):
    """Run the script that the configuration has for an alert, once."""

    risk = Risk.GUARDED
    uses = ()
    kind: Literal["run-script"] = "run-script"
    command: tuple[str, ...] = Field(min_length=1)
    verify: tuple[str, ...] = Field(min_length=1)
    """Tells whether it helped, also when the outcome of the script was lost."""
    timeout: timedelta
    environment: tuple[str, ...] = ()
    effect: str = ""
    way_back: str = ""

    @property
    def says(self) -> str:
        where = f" on {self.service.host}" if self.service.host else ""
        return f"run {shlex.join(self.command)} for {self.service.name}{where}"

    @property
    def changes(self) -> str:
        return self.effect or "what this script changes: the configuration does not say"

    @property
    def undo(self) -> str:
        return self.way_back

    @property
    def outlives_its_worker(self) -> timedelta:
        return self.timeout

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if not any(self._is(one) for one in allowed.scripts):
            yield f"no `answer` runs {shlex.join(self.command)} with this `verify`, `timeout` and the like"

    def _is(self, one: Script) -> bool:
        own = (one.act, one.verify, one.timeout, one.environment, one.changes, one.undo)
        return own == (
            self.command, self.verify, self.timeout, self.environment, self.effect, self.way_back
        )  # fmt: skip
