"""The stored reports of the checks, to be read."""

from __future__ import annotations

from activities.checks.store import LARGEST, directory_of, stored_file
from activities.support.regular_files import file_at
from models.checks.check import CheckName
from models.configuration.configuration import Configuration


def stored_report(configuration: Configuration, check: str, name: str) -> bytes | None:
    """The content of a file of a report; None for what is no check, no name of a report, or not there."""
    if check not in set(CheckName):
        return None
    path = stored_file(directory_of(configuration.directories), CheckName(check), name)
    if path is None:
        return None
    try:
        with file_at(path) as file:
            content = file.read(LARGEST + 1)
    except OSError:
        return None
    return content if len(content) <= LARGEST else None
