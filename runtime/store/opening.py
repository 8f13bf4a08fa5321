"""The store that the configuration names."""

from __future__ import annotations

from pathlib import Path

from models.configuration.configuration import Configuration
from runtime.store.database import Database
from runtime.store.postgres import PostgresDatabase
from runtime.store.sqlite import SqliteDatabase


def database_of(configuration: Configuration) -> Database:
    """PostgreSQL where its address is configured, else a file beside the reviews."""
    settings = configuration.store
    if settings.postgres:
        return PostgresDatabase(settings.postgres)
    beside = Path(configuration.directories.reviews).parent / "store" / "incidents.sqlite"
    return SqliteDatabase(Path(settings.file) if settings.file else beside)
