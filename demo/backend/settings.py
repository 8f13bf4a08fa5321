"""What the backend is told by its environment, and what it finds in its state directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BackendSettings:
    """Port, database, and the directory through which faults that outlive a restart are set."""

    port: int
    database_url: str
    state: Path
    memory_limit_file: Path | None
    version: str

    @classmethod
    def from_environment(cls) -> BackendSettings:
        limit = os.environ.get("MEMORY_LIMIT_FILE")
        return cls(
            port=int(os.environ["PORT"]),
            database_url=os.environ["DATABASE_URL"],
            state=Path(os.environ["STATE_DIRECTORY"]),
            memory_limit_file=Path(limit) if limit else None,
            version=os.environ.get("APP_VERSION", "1"),
        )

    @property
    def crash_at_start(self) -> Path:
        """While this file is there, every start ends with code 1."""
        return self.state / "crash-at-start"

    @property
    def working_set(self) -> Path:
        """Bytes that the application needs in memory, as text: loaded at every start."""
        return self.state / "working-set"
