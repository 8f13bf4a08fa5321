"""Actions on a service's own process, container or image."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk, Setting
from models.base import in_bytes
from models.service.process import ProcessIdentity
from models.service.service import RollBackScript
from models.version import Version


class StartService(Change):
    """Start a service that is stopped. Does nothing if it was started after `asked_at`."""

    risk = Risk.SAFE
    restarts = True
    uses = ()
    kind: Literal["start-service"] = "start-service"

    @property
    def says(self) -> str:
        return f"start {self.service.name}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} runs again with the configuration it had"

    @property
    def undo(self) -> str:
        return f"stop {self.service.name}"


class RestartService(Change):
    """Restart a running service, if it was started before it was asked for."""

    risk = Risk.GUARDED
    restarts = True
    uses = ()
    kind: Literal["restart-service"] = "restart-service"

    @property
    def says(self) -> str:
        return f"restart {self.service.name}"

    @property
    def changes(self) -> str:
        return f"requests in flight on {self.service.name} are lost, and so is what it holds in memory"


class RaiseMemoryLimit(Change):
    """Raise the memory limit; the new limit in bytes."""

    risk = Risk.GUARDED
    uses = ("memory",)
    kind: Literal["raise-memory-limit"] = "raise-memory-limit"
    from_bytes: int
    to_bytes: int

    @property
    def says(self) -> str:
        before, after = in_bytes(self.from_bytes), in_bytes(self.to_bytes)
        return f"raise the memory limit of {self.service.name} from {before} to {after}"

    @property
    def sets(self) -> tuple[Setting, ...]:
        return (Setting(name="memory limit", now=in_bytes(self.from_bytes), then=in_bytes(self.to_bytes)),)

    @property
    def changes(self) -> str:
        more = in_bytes(self.to_bytes - self.from_bytes)
        return f"{self.service.name} may use {more} more of the host's memory"

    @property
    def undo(self) -> str:
        return f"set the limit back to {in_bytes(self.from_bytes)}"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        cap = allowed.service.memory.cap
        if not self.from_bytes < self.to_bytes <= cap:
            step = f"from {self.from_bytes} to {self.to_bytes} bytes"
            yield f"a memory limit is raised up to {in_bytes(cap)}, and not {step}"


class KillProcess(Change):
    """End the process that holds the service's port; refused unless it is the very one that was seen."""

    risk = Risk.DANGEROUS
    uses = ("port",)
    kind: Literal["kill-process"] = "kill-process"
    pid: int
    process: str
    started_at: datetime
    identity: ProcessIdentity | None = Field(default=None, exclude_if=lambda identity: identity is None)
    """None when the process could not be told from another with its number: nothing is killed then."""
    port: int

    @property
    def says(self) -> str:
        return f"kill process {self.pid} ({self.process}), which listens on port {self.port}"

    @property
    def changes(self) -> str:
        who = f" ({self.identity.executable}, of user {self.identity.owner})" if self.identity else ""
        return f"process {self.pid}{who} is gone, and port {self.port} is free for {self.service.name}"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if self.port != allowed.service.port:
            yield f"{self.port} is not the port of this service"


class RollBack(Change):
    """Go back to the version that was last seen healthy, or run the configured script once."""

    risk = Risk.DANGEROUS
    restarts = True
    uses = ("rollback",)
    goes_back = True
    kind: Literal["roll-back"] = "roll-back"
    from_version: str
    from_image: str = ""
    to_version: str | None = None
    to_image: str = ""
    """The IDs of the images; an approval of `latest` must not be one of what that tag means later."""
    script: RollBackScript | None = None

    @property
    def leaves(self) -> Version:
        return Version(name=self.from_version, image_id=self.from_image)

    @property
    def target(self) -> Version | None:
        """The version to run; None for a script, which alone knows."""
        return Version(name=self.to_version, image_id=self.to_image) if self.to_version else None

    @property
    def says(self) -> str:
        if self.target is None:
            return f"roll {self.service.name} back with its configured script"
        before, after = self.leaves.beside(self.target), self.target.beside(self.leaves)
        return f"roll {self.service.name} back from {before} to {after}"

    @property
    def sets(self) -> tuple[Setting, ...]:
        if self.target is None:
            return ()
        before, after = self.leaves.beside(self.target), self.target.beside(self.leaves)
        return (Setting(name="version", now=before, then=after),)

    @property
    def changes(self) -> str:
        newer = f"what {self._left} brought" if self.from_version else "what came since"
        if self.target is None:
            script = "the earlier version that its script goes back to (which one, only the script knows)"
            return f"{self.service.name} runs {script}, without {newer}"
        return f"{self.service.name} runs {self.target.beside(self.leaves)} again, without {newer}"

    @property
    def undo(self) -> str:
        return f"deploy {self._left} again" if self.from_version else ""

    @property
    def outlives_its_worker(self) -> timedelta:
        return self.script.timeout if self.script else timedelta()

    @property
    def _left(self) -> str:
        return self.leaves.beside(self.target) if self.target else self.from_version

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if self.script != allowed.service.rollback:
            yield "its script is not the `rollback` of this service"
        elif (self.script is None) == (self.target is None):
            yield "a rollback is to a version, or by a script where one is configured"
        to = self.target
        if to and not any(one.version == to.name and one.is_version(to) for one in allowed.deployments):
            yield f"no deployment of {to.name} {to.image_id} was recorded".replace("  ", " ")


class ScaleOut(Change):
    """Run more replicas of the service."""

    risk = Risk.GUARDED
    uses = ("scale",)
    kind: Literal["scale-out"] = "scale-out"
    from_replicas: int
    to_replicas: int

    @property
    def says(self) -> str:
        return f"scale {self.service.name} from {self.from_replicas} to {self.to_replicas} replicas"

    @property
    def sets(self) -> tuple[Setting, ...]:
        return (Setting(name="replicas", now=str(self.from_replicas), then=str(self.to_replicas)),)

    @property
    def changes(self) -> str:
        more = self.to_replicas - self.from_replicas
        return f"{more} more container(s) of {self.service.name} run on its host"

    @property
    def undo(self) -> str:
        return f"scale {self.service.name} back to {self.from_replicas}"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        most = allowed.service.scale.max_replicas
        if not self.from_replicas < self.to_replicas <= most:
            step = f"from {self.from_replicas} to {self.to_replicas}"
            yield f"replicas are added up to {most}, and not {step}"
