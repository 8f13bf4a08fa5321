"""What the backend is told by its environment, and what it finds in its state directory."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
    def runs(self) -> str:
        """The version: the image's own; without images, the one that was put in place last."""
        deployed = self.state / "version"
        return deployed.read_text().strip() if deployed.exists() else self.version

    @property
    def around(self) -> Path:
        """What is around it, as JSON: see `demo.backend.outside`. Without it, it is alone."""
        return self.state / "around.json"

    @property
    def degraded(self) -> Path:
        """While this file is there, it answers in its degraded mode, also after a restart."""
        return self.state / "degraded"

    @property
    def bad_cache(self) -> Path:
        """While this file is there, every start loads a cache that cannot be read."""
        return self.state / "bad-cache"

    @property
    def leaks(self) -> Path:
        """While this file is there, every start leaks."""
        return self.state / "leaks"

    @property
    def answers_instead(self) -> dict[str, Any] | None:
        """`status`, `headers` and `body` of the health check, while a file says so."""
        file = self.state / "health-answer.json"
        return dict(json.loads(file.read_text())) if file.exists() else None

    @property
    def snapshots(self) -> Path:
        """Where it writes down what is in its memory."""
        return self.state / "snapshots"

    @property
    def load(self) -> Path:
        """While this file is there, the CPU is kept busy."""
        return self.state / "load"

    @property
    def closed_file(self) -> Path:
        """Which endpoints are out of service, and how; also after a restart."""
        return self.state / "closed.json"

    @property
    def closed(self) -> dict[str, str]:
        """The same, by path."""
        return dict(json.loads(self.closed_file.read_text())) if self.closed_file.exists() else {}

    @property
    def broken_feature(self) -> Path:
        """While this file is there, a feature is switched on whose code does not work."""
        return self.state / "broken-feature"

    @property
    def crash_at_start(self) -> Path:
        """While this file is there, every start ends with code 1."""
        return self.state / "crash-at-start"

    @property
    def working_set(self) -> Path:
        """Bytes that the application needs in memory, as text: loaded at every start."""
        return self.state / "working-set"
