"""What the text of a statement tells."""

from __future__ import annotations

import pytest

from activities.postgres.statements import Table, is_maintenance, missing_index, tables_in, without_values

USERS = Table("public", "users", frozenset({"id", "email", "team_id", "date", "lowercase"}), (("id",),))
MIXED = Table("Sales", "Order", frozenset({"Id", "customerId"}), (("Id",),))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT * FROM users WHERE email = 'anna@example.com'", "SELECT * FROM users WHERE email = ?"),
        ("SELECT * FROM t2 WHERE a = -4.5e3 AND b = $1", "SELECT * FROM t2 WHERE a = ? AND b = $1"),
        ("SELECT 1 /* user 7, token=abc */ -- anna", "SELECT ?"),
        ("SELECT * FROM t WHERE id IN (1, 2,\n 3)", "SELECT * FROM t WHERE id IN (?)"),
        ("SELECT * FROM t WHERE n = 'it''s cut o", "SELECT * FROM t WHERE n = ?"),
        ("SELECT $tag$a secret$tag$, E'\\'x'", "SELECT ?, ?"),
        ('SELECT "t1"."c2" FROM "t1"', 'SELECT "t1"."c2" FROM "t1"'),
    ],
)
def test_values_are_not_told(text: str, told: str) -> None:
    assert without_values(text) == told


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("SELECT * FROM users WHERE email = $1", "email"),
        ("select u.id from public.users u where u.email = 'x' and u.team_id in (1)", "email, team_id"),
        ("SELECT * FROM teams t JOIN users AS u ON t.id = u.team_id", "team_id"),
        ("SELECT (SELECT count(*) FROM users u WHERE u.team_id = t.id) FROM teams t", "team_id"),
        ("SELECT * FROM users WHERE lower(email) = $1", "lower(email)"),
        ('SELECT "public"."users"."id" FROM "public"."users" WHERE "public"."users"."email" = $1', "email"),
        ("SELECT * FROM users WHERE lowercase = $1 AND date = $2", "lowercase, date"),
        ("DELETE FROM users WHERE team_id = 3", "team_id"),
    ],
)
def test_the_index_that_is_missing_is_on_the_columns_that_are_compared(text: str, columns: str) -> None:
    assert missing_index(text, USERS) == f"CREATE INDEX CONCURRENTLY ON public.users ({columns})"


def test_odd_names_are_quoted() -> None:
    text = 'SELECT * FROM "Sales"."Order" o WHERE o."customerId" = $1'
    assert tables_in(text, [USERS, MIXED]) == (MIXED,)
    assert missing_index(text, MIXED) == 'CREATE INDEX CONCURRENTLY ON "Sales"."Order" ("customerId")'


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM users",
        "SELECT * FROM users WHERE id = 7",
        "SELECT * FROM users WHERE id = 7 AND email = 'x'",
        "SELECT * FROM users WHERE email LIKE '%anna%'",
        "SELECT * FROM users WHERE team_id > 7",
        "SELECT id, email, team_id, and_many_more FROM users WH",
        "SELECT * FROM teams t JOIN users u ON t.id = u.id WHERE t.email = $1",
        "INSERT INTO users (email) VALUES ('x')",
        "SELECT * FROM users WHERE other_table_col = 3",
    ],
)
def test_no_index_is_suggested_on_a_guess(text: str) -> None:
    """Nothing is compared for equality, an index is there, or the text is cut off before it tells."""
    assert missing_index(text, USERS) == ""


@pytest.mark.parametrize(
    ("text", "is_job"),
    [
        ("COPY public.users TO stdout", True),
        ("autovacuum: ANALYZE public.users", True),
        ("/* nightly */ REFRESH MATERIALIZED VIEW v", True),
        ("SELECT * FROM creates", False),
        ("UPDATE users SET email = $1", False),
    ],
)
def test_work_on_the_database_itself_is_no_query_of_the_application(text: str, is_job: bool) -> None:
    assert is_maintenance(text) is is_job
