"""Kills the process that holds a service's port.

A PID alone is not enough: the process must be the one that was seen, must still hold the port, and must
not be one that the machine, its containers or this worker depend on. All of this is checked while a
pidfd is open, and signals go through it: they reach that process or none.
"""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from activities.managers import ManagerRefused, Unsupported
from activities.managers.host_processes import identity_of
from activities.service.ports import PROXIES, listeners
from models.actions.service import KillProcess

_ENGINE = PROXIES | {"dockerd", "containerd", "containerd-shim", "podman", "supervisord", "systemd"}
_PATIENCE = 5.0
"""Seconds between the request to end and the kill, and again until it is gone."""


def kill(action: KillProcess) -> None:
    """SIGTERM, a bounded wait, SIGKILL. Raises `ManagerRefused` when it must not be killed (any more)."""
    name = f"process {action.pid} ({action.process})"
    try:
        with _opened(action.pid, name) as opened:
            _refuse_ours(psutil.Process(action.pid), name)
            _refuse_another(action, name)
            if action.pid not in listeners(action.port):
                raise ManagerRefused(f"{name} no longer listens on port {action.port}")
            signal.pidfd_send_signal(opened, signal.SIGTERM)
            if not _ends(opened):
                _refuse_another(action, name)
                signal.pidfd_send_signal(opened, signal.SIGKILL)
                if not _ends(opened):
                    raise ManagerRefused(f"{name} does not end, not even by SIGKILL")
    except (psutil.AccessDenied, PermissionError) as error:
        raise Unsupported(f"this worker may not end {name}: run it as root, or end it by hand") from error
    except (psutil.NoSuchProcess, ProcessLookupError):
        return


@contextmanager
def _opened(pid: int, name: str) -> Iterator[int]:
    """A descriptor of the process that has this number now; no later one with the number is reached."""
    try:
        opened = os.pidfd_open(pid)
    except AttributeError as error:
        raise Unsupported(f"{name} cannot be held by a pidfd, which needs Linux: end it by hand") from error
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        raise Unsupported(
            f"{name} cannot be held by a pidfd, which needs Linux 5.3 or newer: end it by hand"
        ) from error
    try:
        yield opened
    finally:
        os.close(opened)


def _ends(opened: int) -> bool:
    end = select.poll()
    end.register(opened, select.POLLIN)
    return bool(end.poll(_PATIENCE * 1000))


def _refuse_another(action: KillProcess, name: str) -> None:
    seen = identity_of(action.pid)
    if seen is None:
        raise ProcessLookupError
    if action.identity is None:
        raise ManagerRefused(f"the plan does not say which {name} exactly: nothing was done to it")
    if differs := action.identity.beside(seen):
        raise ManagerRefused(f"{name} is not the one that was seen ({differs}): nothing more was done to it")


def _refuse_ours(process: psutil.Process, name: str) -> None:
    ours = {0, 1, os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    if process.pid in ours:
        raise Unsupported(f"{name} is what this worker runs on, and is never killed")
    if process.name() in _ENGINE:
        raise Unsupported(
            f"{name} belongs to the machine's service manager, and is never killed:"
            " stop the service that it listens for"
        )
