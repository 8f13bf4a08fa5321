"""What the configuration of the worker that carries out an action allows it to be.

An order comes from outside: each client of Temporal can send one. So each action says what of its own
values is the configuration's word, and is judged by it right before it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from models.evidence.deployment import Deployment
from models.service.service import Service


@dataclass(frozen=True)
class Script:
    """The commands of one `answer`, and what is said of them."""

    look: tuple[str, ...]
    act: tuple[str, ...]
    verify: tuple[str, ...]
    timeout: timedelta
    environment: tuple[str, ...]
    changes: str
    undo: str


@dataclass(frozen=True)
class Allowed:
    """The service as this worker's `runbooks.yaml` has it, and what else an action may be taken from."""

    service: Service
    scripts: tuple[Script, ...] = ()
    """Those of the answers to all alerts, filled in for this service; `act` of a restart is no command."""
    deployments: tuple[Deployment, ...] = ()
    """What the steward recorded; asked for only where the action goes back to one."""
