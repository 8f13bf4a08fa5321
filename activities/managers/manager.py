"""What a service manager can do, and the three ways in which it cannot.

ManagerError
├── ManagerUnreachable   no answer: nothing is known, neither before nor after
├── ManagerRefused       it answered no: nothing was done
└── Unsupported          it has no such action; the text says what to do instead
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from activities.managers.process_seen import ProcessSeen
from models.version import Version


class ManagerError(Exception):
    """One sentence for an operator, without secrets."""


class ManagerUnreachable(ManagerError):
    """The manager is absent, refuses or does not answer in time."""


class ManagerRefused(ManagerError):
    """The manager answered that it will not or cannot do this."""


class Unsupported(ManagerError):
    """This kind of manager, or this service, has no such action."""


@dataclass(frozen=True)
class Usage:
    """What a running service uses. Memory in bytes, CPU as a share of its limit."""

    memory_used: int | None = None
    cpu_share: float | None = None


@dataclass(frozen=True)
class RecentLog:
    """The last lines of a log, oldest first; the last `fresh` of them are of the latest run."""

    lines: tuple[bytes, ...]
    fresh: int
    times: tuple[datetime | None, ...] = ()
    """When each line was written, where its manager or the line itself tells."""


class ServiceManager(Protocol):
    """One service, through its manager.

    Every method blocks for a bounded time and raises a `ManagerError`. The changes return when the
    manager has taken them; whether they took effect is seen by looking.
    """

    def state(self) -> ProcessSeen:
        """The state as it is now, quickly: without memory and CPU in use."""
        ...

    def examine(self) -> ProcessSeen:
        """The state, with what the manager remembers of the last run: who ended it, and how often before.

        May take a second more.
        """
        ...

    def usage(self) -> Usage:
        """What it uses now; takes about a second."""
        ...

    def logs(self, lines: int) -> RecentLog:
        """The last lines of both output streams, at most one mebibyte in all."""
        ...

    def pids(self) -> frozenset[int]:
        """The processes of the service, as the host numbers them; none when it does not run."""
        ...

    def publishes(self, port: int) -> bool:
        """Whether the manager itself listens on this port of the host for the running service."""
        ...

    def replicas(self) -> int:
        """How many instances of the service run."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def restart(self) -> None: ...

    def signal(self, name: str) -> None:
        """Send the main process a signal, such as `SIGUSR2`."""
        ...

    def set_memory_limit(self, size: int) -> None:
        """Set the limit, in bytes."""
        ...

    def roll_back(self, version: Version) -> None:
        """Run exactly this version, an image, instead of the present one."""
        ...

    def scale(self, replicas: int) -> None:
        """Run this many instances."""
        ...

    def environment(self) -> Mapping[str, str] | None:
        """The environment that the service was started with; None when the manager does not know it."""
        ...

    def recreate(self, settings: Mapping[str, str | None]) -> None:
        """Start the service anew so that it reads its env file again, in which only these settings changed.

        None stands for a setting that is gone. Raises `Unsupported`, with nothing done, when
        anything else would change with it.
        """
        ...

    def networks(self) -> frozenset[str]:
        """The networks that the service is on, by name."""
        ...

    def attach(self, network: str) -> None:
        """Connect the service to this network, under the names by which others know it."""
        ...
