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


W = TypeVar("W", bound=Waits)


class Crowd(Generic[W]):
    """The connections that wait for a request. Where they are too many, the oldest of the address with the
    most makes room, so that nobody keeps others out by waiting: what brings its request at once stays."""

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
            self._make_room(mine)
        elif self._all > MOST_WAITING:
            self._make_room(max(self._peers.values(), key=len))

    def remove(self, one: W) -> None:
        mine = self._peers.get(one.peer, {})
        if one in mine:
            del mine[one]
            self._all -= 1
            if not mine:
                del self._peers[one.peer]

    def _make_room(self, crowd: dict[W, None]) -> None:
        """A connection that never brought a request goes before one that did."""
        gone = next((one for one in crowd if not one.begun), next(iter(crowd)))
        self.remove(gone)
        self._leave(gone)
