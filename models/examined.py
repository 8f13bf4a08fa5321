"""What `doctor` says of one thing: it works, or what is wrong with it and what to do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from models.base import Model


class Grade(StrEnum):
    """How much it matters."""

    OK = "ok"
    ATTENTION = "attention"
    PROBLEM = "problem"


class Kind(StrEnum):
    """What kind of problem it is: the exit code of `doctor` tells them apart."""

    AWAY = "away"
    """A system does not answer, or nobody works where somebody should."""
    MISTAKE = "mistake"
    """The configuration, a secret or a file must be corrected."""
    TROUBLE = "trouble"
    """Everything answers, and something is not well."""


class Check(Model):
    """The result of one check: ok, or the problem and its cure."""

    name: str
    ok: bool
    problem: str = ""
    cure: str = ""
    optional: bool = False
    """The product works without it, in a limited way."""
    kind: Kind = Kind.AWAY
    """Of its problem, if it has one."""
    seen_from: str = ""
    """Who looked: `here`, `worker`, `worker web-1`, or several of them."""

    @property
    def grade(self) -> Grade:
        if self.ok:
            return Grade.OK
        return Grade.ATTENTION if self.optional else Grade.PROBLEM


class Examine(Model):
    """Look at everything that the worker of this host uses; without a host, at what the others use."""

    host: str | None = None


class Examined(Model):
    """What one worker sees."""

    host: str | None = None
    checks: tuple[Check, ...] = ()
    configuration: str = ""
    """A digest of the configuration that is in force there."""
    keys: tuple[str, ...] = ()
    """The names of the keys by which it verifies what people say, the newest first."""
    clock: datetime | None = None
    """Its clock, when it began."""
    not_looked: str = ""
    """Why nobody looked there."""

    @property
    def by(self) -> str:
        return f"worker {self.host}" if self.host else "worker"


class DoctorRequest(Model):
    """The hosts that have a worker of their own."""

    hosts: tuple[str, ...] = ()


class DoctorReport(Model):
    """What the workers see, one for each task queue."""

    examined: tuple[Examined, ...] = ()
