"""What the demo shows: lines that stay, and on a terminal one line that moves."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner


class Screen:
    """Lines with the seconds since the begin; a live status where there is a terminal."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that knows ASCII only
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._spinner = Spinner("dots")
        self._live = Live(self._spinner, console=self._console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def line(self, text: str) -> None:
        """A line that stays, with the time since the begin."""
        self._console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/]  {escape(text)}")

    def plain(self, text: str) -> None:
        """A line without the time: what is to be copied, and the last words."""
        self._console.print(escape(text))

    @property
    def has_a_person(self) -> bool:
        """Whether somebody sits at a terminal, sees this and can answer."""
        return self._console.is_terminal and sys.stdin is not None and sys.stdin.isatty()

    async def until_enter(self) -> None:
        """Wait until they press Enter; a signal ends the wait."""
        pressed = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin, pressed.set)
        try:
            await pressed.wait()
        finally:
            loop.remove_reader(sys.stdin)
        sys.stdin.readline()

    def status(self, text: str) -> None:
        """What happens now; shown only on a terminal."""
        self._spinner.update(text=escape(text))
