"""How long the texts of one webhook may be looked through for secrets, all together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

MOST_SECONDS = 3.0
"""Seconds of the processor: several times what 10,000 usual alerts take."""


class Patience:
    """What is left of that time. What comes afterwards is hidden without a look."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @property
    def ended(self) -> bool:
        return self._left <= 0

    @contextmanager
    def looking(self) -> Iterator[None]:
        began = time.thread_time()
        try:
            yield
        finally:
            was_there = not self.ended
            self._left -= time.thread_time() - began
            if was_there and self.ended:
                structlog.get_logger("intake").warning(
                    "texts hidden: to look for secrets in all of this webhook takes too long"
                )


_PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patience(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """For all texts that are read within."""
    before = _PATIENCE.set(Patience(seconds))
    try:
        yield
    finally:
        _PATIENCE.reset(before)


def current() -> Patience:
    """That of what is read now; each text by itself where nothing else was said."""
    return _PATIENCE.get() or Patience(MOST_SECONDS)
