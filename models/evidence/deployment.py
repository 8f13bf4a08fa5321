"""One deployment of a service: which version ran, since when, and whether it was healthy.

Evidence for a bad deployment, and the target of a rollback.
"""

from __future__ import annotations

from datetime import datetime

from models.base import Model
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
    """When it was rolled back, by the product or by hand: its health check was no proof, and nobody goes back
    to it."""

    def is_version(self, version: Version) -> bool:
        """Whether it is this version that was deployed."""
        return Version(name=self.version, image_id=self.image_id).same(version)
