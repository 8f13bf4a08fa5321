"""The configuration in the scripted world: a backend that needs a database, and who is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.names import NO_ALERTS
from tests.parts.product.signing import APPROVALS
from workflows.runbooks.registry import NAMES

SWITCH = {"url": "http://localhost:3000/api/degraded"}

CONFIGURATION: dict[str, Any] = {
    "services": {
        "backend": {
            "manager": {"kind": "docker", "container": "backend"},
            "health": {"url": "http://localhost:3000/health"},
            "port": 3000,
            "depends_on": ["postgres"],
            "network": "app",
            "metrics": {"prometheus": "http://localhost:9090"},
            "providers": {"openai": {"url": "https://api.openai.com/v1/models"}},
            "temporal": {"address": "localhost:7233"},
            "degradation": {"on": SWITCH, "off": {**SWITCH, "method": "PUT"}},
            "env_file": ".env",
            "pool": {"key": "POOL", "value": 50},
        },
        "postgres": {
            "manager": {"kind": "docker", "container": "postgres"},
            "database": {"url": {"env": "DATABASE_URL"}},
            "network": "app",
        },
    },
    "alerts": {
        **{
            name: {"severity": "critical", "topic": "service-down"} for name in NAMES if name not in NO_ALERTS
        },
        "DiskSlow": {"severity": "warning"},
    },
    "escalation": {
        "service-down": ["On-Call", "Team Lead", "CTO"],
        "any-alert": ["On-Call", "Team Lead"],
    },
    "contacts": {
        "On-Call": ["discord", "pager"],
        "Team Lead": ["mail"],
        "CTO": ["mail"],
        "DBA": ["mail"],
        "Platform Team": ["mail"],
    },
    "specialists": {"database": "DBA", "platform": "Platform Team"},
    "broadcast": ["slack"],
    "approvals": APPROVALS,
    "channels": {name: {"kind": "log"} for name in ("slack", "discord", "pager", "mail")},
}


def merged(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with these keys changed, at any depth."""
    result = dict(whole)
    for key, value in changes.items():
        inner = result.get(key)
        deeper = isinstance(inner, Mapping) and isinstance(value, Mapping)
        result[key] = merged(inner or {}, value) if deeper else value
    return result
