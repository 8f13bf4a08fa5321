"""The alert as Alertmanager sends it: its webhook, version 4, with the bearer token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from demo.parts.http import plain_client
from demo.parts.waiting import until
from demo.systems.services import BACKEND
from models.names import incident_id

_ZERO_TIME = "0001-01-01T00:00:00Z"
"""`endsAt` of an alert that fires: Go's zero time."""


@dataclass(frozen=True)
class Firing:
    """One alert about one service, firing since `starts_at`."""

    starts_at: datetime
    name: str = "ServiceDown"
    service: str = BACKEND
    more: Mapping[str, str] = field(default_factory=dict)
    """Labels beside the usual ones."""

    @property
    def incident(self) -> str:
        """The workflow ID of the run that takes it."""
        return incident_id(self.name, self.service)

    @property
    def labels(self) -> dict[str, str]:
        return {
            "alertname": self.name,
            "service": self.service,
            "severity": "critical",
            "job": self.service,
            **self.more,
        }

    def body(self, ends_at: datetime | None = None) -> dict[str, Any]:
        """The JSON that Alertmanager would post; resolved when it has an end."""
        status = "resolved" if ends_at else "firing"
        alert = {
            "status": status,
            "labels": self.labels,
            "annotations": {"summary": f"{self.name} on {self.service}."},
            "startsAt": self.starts_at.isoformat(),
            "endsAt": ends_at.isoformat() if ends_at else _ZERO_TIME,
            "generatorURL": "",
            "fingerprint": f"{int(self.starts_at.timestamp()):016x}",
        }
        return {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{self.name}", service="{self.service}"}}',
            "truncatedAlerts": 0,
            "status": status,
            "receiver": "runbooks",
            "groupLabels": {"alertname": self.name, "service": self.service},
            "commonLabels": self.labels,
            "commonAnnotations": {},
            "externalURL": "",
            "alerts": [alert],
        }


async def post(intake: str, token: str, firing: Firing, *, resolved: bool = False) -> None:
    """Post it, again while the intake answers 5xx, as Alertmanager does; a 4xx is an error at once."""
    body = firing.body(datetime.now(UTC) if resolved else None)

    async with plain_client(15.0) as client:

        async def taken() -> str:
            headers = {"Authorization": f"Bearer {token}"}
            try:
                answer = await client.post(f"{intake}/v1/alertmanager", json=body, headers=headers)
            except httpx.TransportError as error:
                return str(error) or type(error).__name__
            if answer.is_client_error:
                answer.raise_for_status()
            return "" if answer.is_success else f"{answer.status_code} {answer.text[:200]}"

        await until("alert taken by the intake", taken)
