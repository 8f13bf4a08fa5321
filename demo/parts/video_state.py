"""What people and switches have set about the videos: it outlives a restart, and faults change it too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

USUAL_BUDGET = 100.0
"""Dollars a day."""


@dataclass(frozen=True)
class VideoState:
    """`resets_at` is a time since 1970, at which what is spent is counted anew; 0 for none."""

    backup: bool = False
    budget: float = USUAL_BUDGET
    resets_at: float = 0.0
    paused_by: str = ""

    @classmethod
    def read(cls, directory: Path) -> Self:
        file = directory / "videos.json"
        return cls(**json.loads(file.read_text())) if file.exists() else cls()

    def write(self, directory: Path, **changes: Any) -> None:
        new = directory / "videos.new"
        new.write_text(json.dumps(asdict(replace(self, **changes))))
        new.replace(directory / "videos.json")
