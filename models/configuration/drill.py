"""How the restore of a backup is tried, and what must be there afterwards."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from models.base import Configured, Interval
from models.service.secret import SecretRef

TABLE = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$"


class NewestRow(Configured):
    """Where a restored database tells how new its data are."""

    table: str = Field(pattern=TABLE, max_length=130)
    column: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_$]*$", max_length=63)
    """A time, with or without a zone; without one it is UTC."""


class DrillSettings(Configured):
    """The restore drill of one backup location. Every key may be left out."""

    enabled: bool = True
    server: SecretRef | None = None
    """The connection string of a scratch server, whose user may create databases. By default a server of
    the drill's own, which lives as long as the drill."""
    programs: str = ""
    """The directory of PostgreSQL's programs (`initdb`, `postgres`, `psql`); by default they are looked for
    beside `pg_restore`, and on the path."""
    tables: dict[str, int] = Field(default_factory=dict, max_length=50)
    """Tables that must be there, and how many rows each must have at least."""
    newest: NewestRow | None = None
    rto: Interval = timedelta(hours=1)
    """A restore may take so long, from its begin until the database was checked."""
    rpo: Interval = timedelta(hours=26)
    """So much may be lost: the age of the newest row, or of the backup."""
    within: Interval = Field(default=timedelta(minutes=30), le=timedelta(hours=12))
    """After so long the drill gives up."""
    room: float = Field(default=8, ge=1, le=100)
    """A server of the drill's own needs so many times the size of the backup."""
