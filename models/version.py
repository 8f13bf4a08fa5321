"""Which version of a service runs: the name of its image, and what that name meant.

A tag such as `latest` is moved by every build, so that the name alone does not tell the version
that runs from the one that ran before it; a pipeline that announces a deployment may know no more.
"""

from __future__ import annotations

from models.base import Model

_ID = "sha256:"
_SHOWN = 12


class Version(Model):
    """An image's name, and the ID that the engine knew it by when it was seen; empty when nobody saw."""

    name: str
    image_id: str = ""

    def same(self, other: Version) -> bool:
        """Whether both are one version: by what was seen to run, else by name."""
        if self.image_id and other.image_id:
            return self.image_id == other.image_id
        return self.name == other.name

    def beside(self, other: Version) -> str:
        """Its name, short; with the beginning of its ID where the other bears the same name."""
        name = _short(self.name) if self.name.startswith(_ID) else self.name
        return f"{name} ({_short(self.image_id)})" if self.name == other.name and self.image_id else name


def _short(image_id: str) -> str:
    return image_id.removeprefix(_ID)[:_SHOWN]
