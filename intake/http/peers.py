"""Which connections wait for a request, and which of them make room for others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

MOST_OF_A_PEER = 256
"""Waiting connections from one address. More than can arrive before what they bring is read."""
MOST_WAITING = 320
"""Waiting connections from all addresses."""


class Waits(Protocol):
    """A connection between two requests, or before its first."""

    @property
    def peer(self) -> str: ...

    @property
    def begun(self) -> bool:
        """Whether it has brought a request before."""
        ...

    @property
    def answering(self) -> bool:
        """Whether a request of it is not answered yet."""
        ...


W = TypeVar("W", bound=Waits)


class Crowd(Generic[W]):
    """The connections that wait for a request. Where they are too many, one of the address with the most
    makes room, so that nobody keeps others out by waiting. It is never the newest: what brings its request at
    once stays."""

    def __init__(self, leave: Callable[[W], None]) -> None:
        self._leave = leave
        self._peers: dict[str, dict[W, None]] = {}
        self._all = 0

    def add(self, one: W) -> None:
        self.remove(one)
        mine = self._peers.setdefault(one.peer, {})
        mine[one] = None
        self._all += 1
        if len(mine) > MOST_OF_A_PEER:
            self._make_room(mine, one)
        elif self._all > MOST_WAITING:
            self._make_room(max(self._peers.values(), key=len), one)

    def remove(self, one: W) -> None:
        mine = self._peers.get(one.peer, {})
        if one in mine:
            del mine[one]
            self._all -= 1
            if not mine:
                del self._peers[one.peer]

    def _make_room(self, crowd: dict[W, None], newest: W) -> None:
        """First what never brought a request, then the idle, last what is being answered; oldest first."""
        others = (one for one in crowd if one is not newest)
        gone = min(others, key=lambda one: (one.answering, one.begun))
        self.remove(gone)
        self._leave(gone)
