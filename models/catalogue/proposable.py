"""The actions that may be proposed, and what a proposal may say of each.

A proposal names an action, and at most how much of it. Everything else of the action comes from the
configuration and from what is seen: no container, path, address or command is ever read from a proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from models.base import Configured, Size, in_bytes
from models.service.service import Service


class Settings(Configured):
    """What a proposal says of an action: nothing, unless the action has settings below."""


class Memory(Settings):
    """The settings of `raise-memory-limit`."""

    to: Size | None = Field(default=None, ge=2**20, le=2**50)
    """Bytes, or as `1g`; by default the configured factor more than now."""


class Replicas(Settings):
    """The settings of `scale-out`."""

    to: int | None = Field(default=None, ge=2, le=100)
    """By default one more than run."""


@dataclass(frozen=True)
class Proposable:
    """One action that may be proposed: what of it may be set, and why it does not fit to a service."""

    settings: type[Settings] = Settings
    unfit: Callable[[Service, Any], str] = lambda _service, _settings: ""
    """By the configuration alone; empty where it may fit."""
    set_by: str = ""
    """Its settings in words."""


def _no_database(service: Service, _: Settings) -> str:
    return "" if service.is_database else f"{service.name} is no database"


def _above_its_cap(service: Service, settings: Memory) -> str:
    cap = service.memory.cap
    return f"memory.cap of {service.name} is {in_bytes(cap)}" if settings.to and settings.to > cap else ""


def _more_than_allowed(service: Service, settings: Replicas) -> str:
    most = service.scale.max_replicas
    return f"scale.max_replicas of {service.name} is {most}" if (settings.to or 2) > most else ""


def _no_clean_up(service: Service, _: Settings) -> str:
    return "" if service.clean_up else f"no clean_up is configured for {service.name}"


def _no_cache(service: Service, _: Settings) -> str:
    return "" if service.clear_cache else f"no clear_cache is configured for {service.name}"


def _no_api(service: Service, _: Settings) -> str:
    return "" if service.api else f"no api is configured for {service.name}"


PROPOSABLE: Mapping[str, Proposable] = {
    "clean-up-files": Proposable(unfit=_no_clean_up),
    "clear-cache": Proposable(unfit=_no_cache),
    "kill-process": Proposable(),
    "raise-memory-limit": Proposable(
        Memory, _above_its_cap, "`to`: the new limit, as `1g`; by default `memory.factor` more than now"
    ),
    "recreate-service": Proposable(),
    "restart-database": Proposable(unfit=_no_database),
    "restart-service": Proposable(),
    "roll-back": Proposable(),
    "run-script": Proposable(),
    "scale-out": Proposable(Replicas, _more_than_allowed, "`to`: how many run then; by default one more"),
    "start-service": Proposable(),
    "sync-products": Proposable(unfit=_no_api),
    "terminate-sessions": Proposable(unfit=_no_database),
}
"""By the kind of the action. What is done only for now is not here: its runbook must promise the undo."""


def settings_of(kind: str, given: Mapping[str, Any]) -> Settings:
    """The settings of this action. Raises `ValueError` for one that cannot be proposed, for a setting that
    it does not have, and for a value that is out of bounds."""
    if kind not in PROPOSABLE:
        raise ValueError(f"{kind[:80]!r} cannot be proposed; these can: {', '.join(PROPOSABLE)}")
    return PROPOSABLE[kind].settings.model_validate(given)
