"""Compose gets the variables of its files from the project, and not from the worker."""

from __future__ import annotations

import json
import os
from pathlib import Path

from activities.managers.compose import Compose, Project

OWN_VARIABLE = "PYTEST_CURRENT_TEST"
"""A variable of this process, as a token is one of the worker's."""


def test_a_compose_file_cannot_read_the_variables_of_the_worker(tmp_path: Path) -> None:
    taken = ["${PYTEST_CURRENT_TEST:-none}", "${FROM_ENV:-none}"]
    service = {"image": "shop:1", "networks": {"back": {"aliases": taken}}}
    file = tmp_path / "docker-compose.yml"
    file.write_text(json.dumps({"services": {"web": service}, "networks": {"back": {"name": "shared"}}}))
    (tmp_path / ".env").write_text("FROM_ENV=given\n")
    project = Project(name="shop", directory=str(tmp_path), files=(str(file),), service="web")
    assert OWN_VARIABLE in os.environ
    assert Compose("unix:///nowhere").aliases(project, "shared") == ("none", "given")
