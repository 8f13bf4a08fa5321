"""The packages of runbooks that this process has loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from models.configuration.configuration import Configuration
from models.examined import Check, Kind


def check_packages(configuration: Configuration) -> Iterator[Check]:
    """Each is in this process; one that was added since it was started is not."""
    for name in configuration.runbooks:
        there = name in sys.modules
        problem = "" if there else "it was not loaded when this process was started"
        yield Check(
            name=f"package {name}",
            ok=there,
            problem=problem,
            cure="restart it" if problem else "",
            kind=Kind.MISTAKE,
        )
