"""What these tests share: where the connection string of a service stands."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return tmp_path / "url"
