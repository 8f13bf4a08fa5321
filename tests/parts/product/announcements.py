"""An announcement, and channels built as the worker builds them, for the tests of channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from activities.notify.build import build_channels
from activities.notify.channel import TimedChannel
from activities.support.secrets import SecretMissing
from models.configuration.channels import ChannelConfig
from models.incident.announcement import Announcement, Link, Occasion
from models.names import Severity
from models.service.secret import SecretRef

ROUTING_KEY = "R0123456789abcdef0123456789abcdef"
IN_TEMPORAL = Link(
    says="Open the incident in Temporal",
    address="http://localhost:8233/namespaces/default/workflows/ServiceDown%2Fbackend/1a2b3c4d",
)
AT_THE_INTAKE = Link(says="Open the incident", address="http://localhost:8080/incidents/ServiceDown/backend")
WEBHOOK_PATH = "/services/T00000000/B11111111/s3cretS3cretS3cret"


def page(**differently: Any) -> Announcement:
    """A page to on-call about a service that is down."""
    usual: dict[str, Any] = {
        "incident": "ServiceDown/backend",
        "run_id": "1a2b3c4d-0000-4000-8000-000000000000",
        "occasion": Occasion.PAGE,
        "severity": Severity.CRITICAL,
        "role": "On-Call",
        "title": "backend is down",
        "text": "connection refused at http://localhost:3000/health",
        "links": (IN_TEMPORAL, AT_THE_INTAKE),
    }
    return Announcement(**(usual | differently))


def named(secret: str) -> SecretRef:
    """A secret by the name under which `build` is given it."""
    return SecretRef(env=secret)


def build(
    configured: Mapping[str, ChannelConfig], client: httpx.AsyncClient, secrets: Mapping[str, str]
) -> dict[str, TimedChannel]:
    def read(ref: SecretRef) -> str:
        secret = secrets.get(ref.env or "")
        if secret is None:
            raise SecretMissing(f"set {ref}")
        return secret

    return build_channels(configured, client, read)


def one(config: ChannelConfig, client: httpx.AsyncClient, secret: str = "") -> TimedChannel:
    """One channel, whose secret is called SECRET."""
    return build({"it": config}, client, {"SECRET": secret})["it"]
