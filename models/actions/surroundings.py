"""Actions on what surrounds a service: its settings, its network, its files, its degraded mode."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk, Setting
from models.base import in_bytes, in_words
from models.redaction.redact import redact_named
from models.service.settings import may_be_set


class SetEnvironment(Change):
    """Edit the service's env file, keeping comments and order, and recreate the service."""

    risk = Risk.GUARDED
    restarts = True
    uses = ("env_file",)
    kind: Literal["set-environment"] = "set-environment"
    file: str
    values: dict[str, str]
    diff: str
    """The exact change of the file, as a unified diff, for the person who approves it."""

    @property
    def says(self) -> str:
        settings = ", ".join(f"{key}={value}" for key, value in self.values.items())
        return f"set {settings} in the environment of {self.service.name} and recreate it"

    @property
    def sets(self) -> tuple[Setting, ...]:
        """The old values are those that the diff takes away."""
        gone = (line[1:].partition("=") for line in self.diff.splitlines() if line.startswith("-"))
        old = {key.removeprefix("export ").strip(): value.strip() for key, _, value in gone}
        return tuple(
            Setting(name=key, now=redact_named(key, old.get(key, "")), then=redact_named(key, value))
            for key, value in self.values.items()
        )

    @property
    def changes(self) -> str:
        return f"{self.service.name} restarts with the new settings; {self.diff}"

    @property
    def undo(self) -> str:
        return "restore the file from the backup beside it, and recreate the service"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if self.file != allowed.service.env_file:
            yield f"{self.file} is not the `env_file` of this service"
        for key, value in self.values.items():
            if not may_be_set(key, value, allowed.service):
                yield f"`pool`, `heap_limit` and `costs` of this service set {key} to something else, or not"


class RecreateService(Change):
    """Start the service anew, so that it reads the settings that a person has edited."""

    risk = Risk.GUARDED
    restarts = True
    uses = ("env_file",)
    kind: Literal["recreate-service"] = "recreate-service"
    settings: tuple[str, ...] = ()
    """The settings of its env file that it does not run with yet, by name."""

    @property
    def says(self) -> str:
        taken = f", so that it takes {', '.join(self.settings)} from its env file" if self.settings else ""
        return f"recreate {self.service.name}{taken}"

    @property
    def changes(self) -> str:
        return f"requests in flight on {self.service.name} are lost; it reads its settings again"


class ReattachNetwork(Change):
    """Connect the service's container to the network that it shares with those it needs."""

    risk = Risk.DANGEROUS
    uses = ("network",)
    kind: Literal["reattach-network"] = "reattach-network"
    network: str

    @property
    def says(self) -> str:
        return f"connect {self.service.name} to the network {self.network}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} is reachable for everything on {self.network}"

    @property
    def undo(self) -> str:
        return f"disconnect it from {self.network}"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if self.network != allowed.service.network:
            yield f"{self.network} is not the `network` of this service"


class CleanUpFiles(Change):
    """Delete exactly these files, which the configuration allows to be cleaned up."""

    risk = Risk.DANGEROUS
    uses = ("clean_up",)
    kind: Literal["clean-up-files"] = "clean-up-files"
    files: tuple[str, ...]
    frees: int
    directory: str = Field(default="", exclude_if=lambda directory: not directory)
    """Device and inode of the directory, as it was seen."""
    identities: tuple[str, ...] = Field(default=(), exclude_if=lambda identities: not any(identities))
    """Of each file its device, inode, size and time, as it was seen: another one is not deleted."""

    @property
    def says(self) -> str:
        return f"delete {len(self.files)} old log files of {self.service.name}, {in_bytes(self.frees)} in all"

    @property
    def changes(self) -> str:
        return f"deleted for good: {', '.join(self.files[:10])}{' and more' if len(self.files) > 10 else ''}"


class Degrade(Change):
    """Switch the service to its degraded mode: cached answers, queued jobs, 202 instead of 500."""

    risk = Risk.GUARDED
    uses = ("degradation",)
    kind: Literal["degrade"] = "degrade"
    because_of: str
    """The provider that makes it necessary."""
    trouble: Literal["down", "slow"] = "down"
    at_most: timedelta

    @property
    def says(self) -> str:
        return f"degrade {self.service.name} gracefully while {self.because_of} is {self.trouble}"

    @property
    def changes(self) -> str:
        limit = in_words(self.at_most)
        return f"cached answers and queued jobs instead of errors, until it is back, at most for {limit}"

    @property
    def undo(self) -> str:
        return f"automatic, when {self.because_of} is {'fast' if self.trouble == 'slow' else 'healthy'} again"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        own = allowed.service.degradation
        if own is None or self.at_most != own.at_most:
            yield f"`degradation` of this service is not for {in_words(self.at_most)} at most"


class RestoreService(Change):
    """End the degraded mode: the undo of `Degrade`."""

    risk = Risk.SAFE
    uses = ()
    puts_back = True
    kind: Literal["restore-service"] = "restore-service"

    @property
    def says(self) -> str:
        return f"end the degraded mode of {self.service.name}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} answers in full again"
