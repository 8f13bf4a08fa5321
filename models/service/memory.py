"""By what the memory of a service is judged, and what may be done about it."""

from __future__ import annotations

import re
import signal
from datetime import timedelta
from typing import Self

from pydantic import Field, field_validator, model_validator

from models.base import Configured, Interval, Size, in_words
from models.service.surroundings import SwitchCall

LONGEST_DIAGNOSTIC = timedelta(minutes=9)
"""The activity times out after 10 minutes; the diagnostic must end before."""


class HeapLimit(Configured):
    """The setting that limits the heap of Node.js, and what it may be raised to."""

    key: str = Field(default="NODE_OPTIONS", pattern=r"^[A-Z_][A-Z0-9_]*$")
    option: str = Field(default="--max-old-space-size", pattern=r"^--[a-z][a-z0-9-]*$")
    """Other options of the same setting are kept."""
    mebibytes: int = Field(default=4096, ge=64)

    def raised(self, stands: str) -> str:
        """The setting as it stands, with this limit; its other options are kept."""
        others = " ".join(self._option.sub("", stands).split())
        return f"{others} {self.option}={self.mebibytes}".strip()

    def given_by(self, stands: str) -> int | None:
        """The limit in MiB that a setting gives; None where it has none. The newest of two counts."""
        found = self._option.findall(stands)
        return int(found[-1]) if found else None

    @property
    def _option(self) -> re.Pattern[str]:
        """Node.js takes underscores for dashes."""
        name = re.escape(self.option.removeprefix("--")).replace(r"\-", "[-_]")
        return re.compile(rf"(?<!\S)--{name}(?:=|\s+)(\d{{1,9}})(?!\S)")


class Diagnostic(Configured):
    """How the service is made to write down what is in its memory, and where its file appears.

    Either a signal that the process handles (`node --heapsnapshot-signal=SIGUSR2`), or an HTTP call.
    """

    signal: str = ""
    call: SwitchCall | None = None
    directory: str = Field(min_length=1)
    """Where the file appears, as this machine sees it: for a container, a directory that is mounted."""
    pattern: str = Field(default="*.heapsnapshot", min_length=1)
    at_most: Interval = timedelta(minutes=2)
    largest: Size = 2**30
    """Bytes. A larger file is not kept."""
    needs_memory: float = Field(default=1.0, ge=0)
    """How much more memory it takes, as a share of what the process uses; 0 for a profile."""

    @field_validator("signal")
    @classmethod
    def _is_a_signal(cls, value: str) -> str:
        usual = ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGWINCH")
        if value and value not in usual:
            raise ValueError(f"{value!r} is not a signal for a diagnostic: write one of {', '.join(usual)}")
        return value

    @field_validator("at_most")
    @classmethod
    def _ends_before_its_step(cls, value: timedelta) -> timedelta:
        if value > LONGEST_DIAGNOSTIC:
            longest = in_words(LONGEST_DIAGNOSTIC)
            raise ValueError(f"a diagnostic may take at most {longest}: write 9m or less")
        return value

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.signal) == (self.call is not None):
            raise ValueError("a diagnostic is asked for by a `signal` or by a `call`: write one of them")
        return self

    @property
    def asked_by(self) -> str:
        """How it is asked for, in words."""
        return self.signal or "the configured call"

    @property
    def number(self) -> int:
        """The signal as the kernel numbers it."""
        return int(signal.Signals[self.signal])
