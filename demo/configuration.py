"""The demo's `runbooks.yaml`: the shipped one's shape, with the ports of this run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from demo.systems.backend import ROOT
from demo.systems.disk import SmallDisk
from demo.systems.services import BACKEND, POSTGRES, Services
from models.checks.check import CheckName
from models.configuration.alert_rule import ANY_TOPIC
from models.names import NO_ALERTS
from workflows.runbooks.registry import NAMES

STABLE_FOR = "10s"
"""Recovered means healthy for this long. By default it is five minutes; the demo says that it is less."""


@dataclass(frozen=True)
class Around:
    """What stands around the services, as the configuration names it."""

    temporal_ui: str
    alertmanager: str | None = None
    prometheus: str | None = None
    stable_for: str = STABLE_FOR
    backend: Mapping[str, Any] = field(default_factory=dict)
    """More about the backend: what is around it, in a stack that has it."""
    runbooks: tuple[str, ...] = ()
    """Packages with runbooks."""
    checks: Mapping[str, Any] = field(default_factory=dict)
    """The part `checks`, in a stack that has what they look at."""


_SEVERITY = {"RevenueDeclining": "info"}


def write_configuration(directory: Path, services: Services, around: Around) -> Path:
    """Write `runbooks.yaml` and the secret that it names; answer with its path."""
    secret = directory / "postgres-url"
    secret.touch(mode=0o600)
    secret.write_text(services.cluster.watcher_url)
    file = directory / "runbooks.yaml"
    file.write_text(yaml.safe_dump(_content(directory, services, around, secret), sort_keys=False))
    return file


def _content(directory: Path, services: Services, around: Around, secret: Path) -> dict[str, Any]:
    systems = {"alertmanager": around.alertmanager, "prometheus": around.prometheus}
    thresholds = {
        "stable_for": around.stable_for,
        "crash_limit": 3,
        "crash_window": "1h",
        "source_agrees_within": "20s",
    }
    return {
        "services": {
            BACKEND: {**_backend(services), **around.backend},
            POSTGRES: _postgres(services, secret),
        },
        "alerts": {
            runbook: {"severity": _SEVERITY.get(runbook, "critical"), "thresholds": dict(thresholds)}
            for runbook in NAMES
            if runbook not in NO_ALERTS
        },
        "runbooks": list(around.runbooks),
        "escalation": {ANY_TOPIC: ["on-call"]},
        "contacts": {role: ["log"] for role in ("on-call", "dba", "platform-team", "content-team")},
        "specialists": {"database": "dba", "platform": "platform-team", "api": "content-team"},
        "broadcast": ["log"],
        "channels": {"log": {"kind": "log"}},
        "systems": {name: address for name, address in systems.items() if address},
        "temporal": {"ui": around.temporal_ui},
        "checks": _by_hand_only(around.checks),
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
    }


def _by_hand_only(checks: Mapping[str, Any]) -> dict[str, Any]:
    """Without schedules: at nine o'clock no check comes between a fault and its incident."""
    return {**checks, **{name: {**checks.get(name, {}), "enabled": False} for name in map(str, CheckName)}}


def _backend(services: Services) -> dict[str, Any]:
    start = services.start_command(BACKEND)
    rollback = [sys.executable, "-m", "demo.rollback", str(services.backend.state), "--", *start]
    return {
        "title": "the stand-in backend",
        "manager": _manager(services, BACKEND),
        "health": {
            "url": f"{services.backend.url}/health",
            "timeout": "2s",
            "every": "1s",
            "settle": "20s",
        },
        "port": services.backend.port,
        "api": {"url": services.backend.url},
        "depends_on": [POSTGRES],
        "memory": {"factor": 1.5, "cap": "1g"},
        "env_file": str(services.backend.env_file),
        "pool": {"value": 20},
        "rollback": {"command": rollback, "directory": str(ROOT), "timeout": "1m"},
        **services.more_about(BACKEND),
    }


def _postgres(services: Services, secret: Path) -> dict[str, Any]:
    return {
        "title": "the demo's PostgreSQL",
        "manager": _manager(services, POSTGRES),
        "port": services.cluster.port,
        "database": {
            "url": {"file": str(secret)},
            "timeout": "2s",
            "idle_limit": "2s",
            "slow_query": "2s",
            "recovers_within": "5s",
            "role": services.cluster.user,
        },
        **(_disk(services.disk) if services.disk else {}),
        **services.more_about(POSTGRES),
    }


def _disk(disk: SmallDisk) -> dict[str, Any]:
    return {
        "floors": {"disks": [str(disk.path)]},
        "clean_up": {"directory": str(disk.logs), "pattern": "affiliate.log*", "older_than": "1d"},
    }


def _manager(services: Services, service: str) -> dict[str, Any]:
    manager = services.manager_of(service)
    return {"kind": manager.kind, **manager.model_dump(mode="json", exclude_unset=True)}
