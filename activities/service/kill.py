"""Kills the process that holds a service's port.

A PID alone is not enough: the process must be the one that was seen, must still hold the port, and must
not be one that the machine, its containers or this worker depend on.
"""

from __future__ import annotations

import os
import time

import psutil

from activities.managers import ManagerRefused, Unsupported
from activities.service.outcomes import lives
from activities.service.ports import DOCKER_PROXY, listeners
from models.actions.service import KillProcess

_ENGINE = frozenset({DOCKER_PROXY, "dockerd", "containerd", "containerd-shim", "supervisord", "systemd"})
_PATIENCE = 5.0
"""Seconds between the request to end and the kill, and again until it is gone."""


def kill(action: KillProcess) -> None:
    """SIGTERM, a bounded wait, SIGKILL. Raises `ManagerRefused` when it must not be killed (any more)."""
    name = f"process {action.pid} ({action.process})"
    try:
        process = psutil.Process(action.pid)
        _refuse_ours(process, name)
        if not lives(action):
            raise ManagerRefused(f"{name} is not the one that was seen: its number belongs to another now")
        if action.pid not in listeners(action.port):
            raise ManagerRefused(f"{name} no longer listens on port {action.port}")
        process.terminate()
        if not _ends(action):
            process.kill()
            if not _ends(action):
                raise ManagerRefused(f"{name} does not end, not even by SIGKILL")
    except psutil.AccessDenied as error:
        raise Unsupported(f"this worker may not end {name}: run it as root, or end it by hand") from error
    except psutil.NoSuchProcess:
        return


def _ends(action: KillProcess) -> bool:
    until = time.monotonic() + _PATIENCE
    while lives(action):
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True


def _refuse_ours(process: psutil.Process, name: str) -> None:
    ours = {0, 1, os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    if process.pid in ours:
        raise Unsupported(f"{name} is what this worker runs on, and is never killed")
    if process.name() in _ENGINE:
        raise Unsupported(
            f"{name} belongs to the machine's service manager, and is never killed:"
            " stop the service that it listens for"
        )
