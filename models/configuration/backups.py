"""Where the backups of the databases are, for the weekly check and the restore drill."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, field_validator

from models.base import Configured, Duration, Interval, Size
from models.configuration.drill import DrillSettings
from models.service.service import HostName


class BackupKind(StrEnum):
    """The formats of `pg_dump`."""

    CUSTOM = "custom"
    PLAIN = "plain"
    """SQL, also of `pg_dumpall`; compressed by gzip, bzip2 or xz, or not at all."""
    DIRECTORY = "directory"


class BackupLocation(Configured):
    """One place where backups of one database arrive, and what each must be like."""

    name: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")
    directory: str = Field(min_length=1, max_length=1024)
    pattern: str = Field(default="*", min_length=1, max_length=200)
    """Of the names in it that are backups; those of a directory dump are directories."""
    kind: BackupKind = BackupKind.CUSTOM
    host: HostName | None = None
    """The machine whose worker sees the directory; by default any worker does."""
    max_age: Interval = timedelta(hours=26)
    """The newest complete backup may be so old: a day, and the time that it takes to make."""
    smallest_share: float = Field(default=0.5, ge=0, le=1)
    """A backup that is smaller than this share of the median of those before lacks something."""
    compared_with: int = Field(default=7, ge=2, le=30)
    """So many backups before the newest make the median."""
    settle: Duration = timedelta(minutes=2)
    """What was written to within this time is still being written."""
    read_within: Interval = Field(default=timedelta(minutes=10), le=timedelta(hours=2))
    """How long the newest backup may be read, to its end."""
    memory: Size = Field(default=2**30, ge=64 * 2**20)
    """Bytes of address space that `pg_restore` may take."""
    pg_restore: str = Field(default="pg_restore", min_length=1, max_length=1024)
    """The program, or its path: it must not be older than the `pg_dump` that wrote the backup."""

    drill: DrillSettings = DrillSettings()
    """How its restore is tried each month."""

    @field_validator("pattern")
    @classmethod
    def _names_only(cls, value: str) -> str:
        if "/" in value or value in (".", ".."):
            raise ValueError("this is a pattern of names, without '/': write the directory under `directory`")
        return value
