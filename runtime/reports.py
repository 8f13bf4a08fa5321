"""The stored reports of the checks, to be read."""

from __future__ import annotations

from pathlib import Path

from activities.checks.store import directory_of, stored_file
from models.checks.check import CheckName
from models.configuration.configuration import Configuration


def report_file(configuration: Configuration, check: str, name: str) -> Path | None:
    """Where a file of a report would be; None for what is no check, or no name of a report."""
    if check not in set(CheckName):
        return None
    return stored_file(directory_of(configuration.directories), CheckName(check), name)
