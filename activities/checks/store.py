"""The directory of one check's reports: the newest, each written whole, the oldest removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from activities.checks.comparison import Past
from activities.support.regular_files import file_at, private_directory
from activities.support.whole_files import write_whole
from models.base import Model
from models.checks.check import Change, CheckName, CheckReport
from models.configuration.processes import Directories

M = TypeVar("M", bound=Model)

LARGEST = 16 * 1024 * 1024
"""Bytes. No report is larger; what is, is not one of ours."""
_ENDINGS = (".md", ".html", ".json")
_NAME = re.compile(r"\d{8}T\d{9}Z-[A-Za-z0-9_-]{1,8}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Kept(Model):
    """The file `….json`: a report, and how it differs from the one before it."""

    report: CheckReport
    changes: tuple[Change, ...] = ()
    compared_with: str = ""
    """The name of that one; empty without one."""


class _KeptPast(Model):
    report: Past


def directory_of(configured: Directories) -> Path:
    """Where the reports of all checks are kept."""
    return Path(configured.checks) if configured.checks else Path(configured.reviews).parent / "checks"


def stored_file(directory: Path, check: CheckName, name: str) -> Path | None:
    """The file of a report by its name, such as `….html`; None for a name that no report has."""
    stem, dot, ending = name.partition(".")
    if not _NAME.fullmatch(stem) or dot + ending not in _ENDINGS:
        return None
    return directory / check.value / name


class ReportStore:
    """`checks/daily/20261126T090000000Z-1a2b3c4d.json`, with the same as `.md` and `.html`."""

    def __init__(self, directory: Path, report: CheckReport) -> None:
        self._directory = directory / report.name.value
        began = report.began_at.astimezone(UTC)
        run = _NOT_IN_A_NAME.sub("-", report.run_id)[-8:] or "unnamed"  # its beginning is only the time
        self.name = f"{began:%Y%m%dT%H%M%S}{began.microsecond // 1000:03d}Z-{run}"

    def path(self, ending: str) -> Path:
        """The file of this report that ends so, such as `.html`."""
        return self._directory / f"{self.name}{ending}"

    def written(self) -> Kept | None:
        """What an earlier attempt wrote completely, so that a retry tells the same; None without one."""
        if not all(self.path(one).exists() for one in _ENDINGS):
            return None
        return _read(self.path(".json"), Kept)

    def last(self) -> tuple[str, Past] | None:
        """The newest report that began before this one and can be read; None without one."""
        for name in self._names():
            if name < self.name and (kept := _read(self._directory / f"{name}.json", _KeptPast)):
                return name, kept.report
        return None

    def write(self, markdown: str, page: str, kept: Kept) -> None:
        """Each file whole; the data last, which marks the report as complete. Raises `OSError`."""
        private_directory(self._directory)
        write_whole(self.path(".md"), markdown)
        write_whole(self.path(".html"), page)
        write_whole(self.path(".json"), kept.model_dump_json(indent=2) + "\n")

    def remove_oldest(self, keep: int) -> None:
        """Keep so many, and this one. Raises `OSError`. A file that is no report is left alone."""
        for name in self._names()[keep:]:
            if name != self.name:
                for ending in _ENDINGS:
                    (self._directory / f"{name}{ending}").unlink(missing_ok=True)

    def _names(self) -> list[str]:
        """Of all reports in the directory, the newest first."""
        return sorted(set(self._found()), reverse=True)

    def _found(self) -> Iterator[str]:
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                if path.suffix in _ENDINGS and _NAME.fullmatch(path.stem):
                    yield path.stem


def _read(path: Path, model: type[M]) -> M | None:
    """None when it is missing, broken, or no report at all."""
    try:
        with file_at(path) as file:
            content = file.read(LARGEST + 1)
        return model.model_validate_json(content) if len(content) <= LARGEST else None
    except (OSError, ValidationError):
        return None
