"""One deployment of a service: which version ran, since when, and whether it was healthy.

Evidence for a bad deployment, and the target of a rollback.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from models.base import Model
from models.version import Version

Name = Annotated[str, Field(max_length=1000)]
"""No image has a longer one. A steward remembers fifty, and anybody who reaches Temporal can tell of one."""


class Deployment(Model):
    """A version that was seen, or announced by a pipeline. `healthy_at`: when it was last seen healthy."""

    service: Name
    version: Name
    image_id: Name = ""
    deployed_at: datetime
    healthy_at: datetime | None = None
    recorded_by: Name = ""
    current: bool = False
    left_at: datetime | None = None
    """When it was rolled back, by the product or by hand: its health check was no proof, and nobody goes back
    to it."""

    def is_version(self, version: Version) -> bool:
        """Whether it is this version that was deployed."""
        return Version(name=self.version, image_id=self.image_id).same(version)
