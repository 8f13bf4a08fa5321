"""A connection string by which one who stands in for the database gets its password."""

from __future__ import annotations

import pytest

from activities.postgres.address import verifies_no_server

ROOT = "/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:x@db.example/app",
        "postgresql://app:x@db.example:5432/app?sslmode=require",
        "postgres://app:p@ss@10.0.0.7/app?sslmode=prefer",
        "jdbc:postgresql://app:x@db.example/app?ssl=true",
        "postgresql://app:x@localhost,db.example/app",
        "postgresql://app:x@/app?host=db.example",
        "postgresql://app:x@[2001:db8::7]:5432/app",
    ],
)
def test_it_leaves_this_machine_and_verifies_nobody(url: str) -> None:
    assert verifies_no_server(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:x@localhost:5432/app",
        "postgresql://app:x@127.0.0.1/app?sslmode=disable",
        "postgresql://app:x@[::1]:5432/app",
        "postgresql://app:x@/app?host=/var/run/postgresql",
        "postgresql://app:x@%2Fvar%2Frun%2Fpostgresql/app",
        f"postgresql://app:x@db.example/app?sslmode=verify-full&sslrootcert={ROOT}",
        "postgresql://app:x@db.example/app?sslmode=verify-ca",
    ],
)
def test_it_stays_here_or_verifies_its_server(url: str) -> None:
    assert not verifies_no_server(url)
