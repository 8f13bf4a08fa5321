"""What is remembered of a service: which versions ran, which were healthy, what was done to it.

`runbook.md`: "Review recent deployments", and "Rollback to previous version".
"""

from __future__ import annotations

from datetime import datetime

from models.base import Model
from models.evidence.evidence import Evidence
from models.version import Version


class Deployment(Model):
    """A version that was seen, or announced by a pipeline. `healthy_at`: when it was last seen healthy."""

    service: str
    version: str
    image_id: str = ""
    deployed_at: datetime
    healthy_at: datetime | None = None
    recorded_by: str = ""
    current: bool = False
    left_at: datetime | None = None
    """When it was rolled back: its health check was no proof, and nobody goes back to it."""

    def is_version(self, version: Version) -> bool:
        """Whether it is this version that was deployed."""
        return Version(name=self.version, image_id=self.image_id).same(version)


class HistorySeen(Evidence):
    """What the steward remembers of a service. Deployments and plans stand newest first."""

    deployments: tuple[Deployment, ...] = ()
    crashes: tuple[datetime, ...] = ()
    recent: tuple[str, ...] = ()
    """The plans carried out lately by any incident, one sentence each."""

    @property
    def current(self) -> Deployment | None:
        return next((one for one in self.deployments if one.current), None)

    def runs(self, version: Version) -> bool:
        """Whether this is the version that it knows to run."""
        return self.current is not None and self.current.is_version(version)

    @property
    def last_healthy(self) -> Deployment | None:
        """The newest version, other than the running one, that was seen healthy and never rolled back."""
        return next((d for d in self.deployments if d.healthy_at and not d.current and not d.left_at), None)
