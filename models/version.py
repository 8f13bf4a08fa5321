"""The version of a service: the name of its image, and the image's ID.

A tag such as `latest` moves with every build, so two versions may share a name; the ID tells them
apart. A pipeline that records a deployment may know the name only.
"""

from __future__ import annotations

from models.base import Model

_ID = "sha256:"
_SHOWN = 12


class Version(Model):
    """An image's name, and its ID in the engine; empty when it was never seen running."""

    name: str
    image_id: str = ""

    def same(self, other: Version) -> bool:
        """Whether both are the same version: by ID when both have one, else by name."""
        if self.image_id and other.image_id:
            return self.image_id == other.image_id
        return self.name == other.name

    def beside(self, other: Version) -> str:
        """Its short name; with the start of its ID when the other has the same name."""
        name = _short(self.name) if self.name.startswith(_ID) else self.name
        return f"{name} ({_short(self.image_id)})" if self.name == other.name and self.image_id else name


def _short(image_id: str) -> str:
    return image_id.removeprefix(_ID)[:_SHOWN]
