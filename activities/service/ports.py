"""Finds the process that listens on a service's port.

The worker must run on the service's host, and needs the right to inspect other users' processes to name
them.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import psutil
from temporalio import activity

from activities.managers import ManagerError, Managers, ServiceManager
from activities.managers.host_processes import began, identity_of
from activities.support.redaction import clean
from models.base import Model, roughly
from models.evidence.evidence import Evidence, Finding
from models.service.process import ProcessIdentity
from models.service.service import Service

PROXIES = frozenset({"docker-proxy", "conmon", "rootlessport", "pasta", "pasta.avx2", "slirp4netns"})
"""Who listens for a container: Docker's program, and Podman's."""
"""The engine's own process, which listens on the host for a container that publishes a port."""
LONGEST_COMMAND = 300
"""Characters of a command line that are kept."""


class PortOwner(Model):
    """Who listens on a port. `ours` when it is the service itself."""

    pid: int
    name: str
    started_at: datetime
    ours: bool
    identity: ProcessIdentity | None = None
    """None when it cannot be told from another with its number: it is not killed then."""
    command: str = ""
    """Its command line, redacted; empty when it may not be seen."""
    user: str = ""

    def in_words(self, at: datetime) -> str:
        """What a person must know before it is killed: what it runs, as whom, and for how long by then."""
        runs = f"process {self.pid} runs `{self.command or self.name}`"
        age = roughly(at - self.started_at)
        return f"{runs}{f' as {self.user}' if self.user else ''}, for {age}"


class PortSeen(Evidence):
    port: int | None = None
    owner: PortOwner | None = None

    @property
    def taken(self) -> bool:
        """Somebody who is not the service listens on its port."""
        return self.owner is not None and not self.owner.ours


class PortActivities:
    """Looks at the listening sockets of this host."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def look_at_port(self, service: Service) -> PortSeen:
        """`bad` when somebody else holds the port; free or ours is `ok`."""
        now = datetime.now(UTC)
        if service.port is None:
            return PortSeen(reason=f"no port is configured for {service.name}", observed_at=now)
        seen = PortSeen(port=service.port, observed_at=now)
        try:
            pids = listeners(service.port)
            owners = [owner for pid in pids if (owner := self._owner(pid, service, service.port))]
        except (psutil.Error, OSError, ManagerError) as error:
            return _found(seen, Finding.UNKNOWN, clean(str(error)))
        if not owners:
            hidden = f"somebody listens on port {seen.port}, but this worker may not see who"
            free = f"nobody listens on port {seen.port}"
            return _found(seen, Finding.UNKNOWN, hidden) if None in pids else _found(seen, Finding.OK, free)
        owner = next((one for one in owners if not one.ours), owners[0])
        who = f"{owner.name} (process {owner.pid})"
        if owner.ours:
            return _found(seen, Finding.OK, f"{who} of the service listens on port {seen.port}", owner)
        return _found(
            seen, Finding.BAD, f"port {seen.port} is held by {who}, which is not the service", owner
        )

    def _owner(self, pid: int | None, service: Service, port: int) -> PortOwner | None:
        if pid is None:
            return None
        try:
            process = psutil.Process(pid)
            name, started_at = clean(process.name(), 64), began(process)
            command, user = _told(process)
        except psutil.NoSuchProcess:
            return None
        return PortOwner(
            pid=pid,
            name=name,
            started_at=started_at,
            identity=_identity(pid),
            command=command,
            user=user,
            ours=_is_ours(self._managers.of(service), pid, name, port),
        )


def _told(process: psutil.Process) -> tuple[str, str]:
    """Its command line and its user, as far as they may be seen."""
    try:
        return clean(shlex.join(process.cmdline()), LONGEST_COMMAND), clean(process.username(), 64)
    except (psutil.AccessDenied, psutil.ZombieProcess):
        return "", ""


def _identity(pid: int) -> ProcessIdentity | None:
    try:
        return identity_of(pid)
    except OSError:
        return None


def _is_ours(manager: ServiceManager, pid: int, name: str, port: int) -> bool:
    if name in PROXIES:
        return manager.publishes(port)
    return pid in manager.pids()


def listeners(port: int) -> frozenset[int | None]:
    """The processes that listen on a TCP port of this host; None stands for one that is hidden."""
    return frozenset(
        connection.pid
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    )


def _found(seen: PortSeen, finding: Finding, reason: str, owner: PortOwner | None = None) -> PortSeen:
    return seen.model_copy(update={"finding": finding, "reason": reason, "owner": owner})
