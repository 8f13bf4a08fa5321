"""The comparison of an alert rule, found in PromQL as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.baselines.comparison import Comparison, comparison


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("errors > 0.05", Comparison("errors", 0.05, above=True)),
        ("free < 1e3", Comparison("free", 1000, above=False)),
        ("pg_up <= 0", Comparison("pg_up", 0, above=False, inclusive=True)),
        ("0.9 < heap", Comparison("heap", 0.9, above=True)),
        ("(heap > 0.9)", Comparison("heap", 0.9, above=True)),
        ("((sum(a)) / (sum(b))) > (5)", Comparison("((sum(a)) / (sum(b)))", 5, above=True)),
        ("rate(x[5m] offset 1d) > -1", Comparison("rate(x[5m] offset 1d)", -1, above=True)),
        (
            'sum by (route) (rate(r{status=~"5.."}[5m])) > 1_000',
            Comparison('sum by (route) (rate(r{status=~"5.."}[5m]))', 1000, above=True),
        ),
        (
            'x{name="a > 5 or b"} > 2  # more than 2, or so\n',
            Comparison('x{name="a > 5 or b"}', 2, above=True),
        ),
        (
            "a / b > 0.25 and on (route) sum(b) > 30",
            Comparison("(a / b) and on (route) sum(b) > 30", 0.25, above=True),
        ),
        ("a > 5 unless on() b", Comparison("(a) unless on() b", 5, above=True)),
        ('{"http.errors", path=~"a|b"} > 5', Comparison('{"http.errors", path=~"a|b"}', 5, above=True)),
        ("a @ end() > 5", Comparison("a @ end()", 5, above=True)),
        ("a > 5m", None),
        ("a > b", None),
        ("up == 0", None),
        ("a > 5 or b > 3", None),
        ("a > 5 and b or c", None),
        ("a > bool 5", None),
        ("a > 3 > 5", None),
        ("absent(up)", None),
        ("1 > 2", None),
        ("count(x > 5)", None),
        ("", None),
        ("((", None),
    ],
)
def test_what_it_compares(expression: str, found: Comparison | None) -> None:
    assert comparison(expression) == found


def test_of_many_series_the_worst_is_measured() -> None:
    assert Comparison("a", 1, above=True).worst == "max(a)"
    assert Comparison("a", 1, above=False).worst == "min(a)"


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "sum(",
                ")",
                "{",
                "}",
                ">",
                "<",
                ">=",
                "5",
                "-1e3",
                " and ",
                " or ",
                '"x',
                "'",
                "#",
                "\n",
                " ",
            ]
        ),
        max_size=20,
    ).map("".join)
)
def test_whatever_is_written_it_is_split_once_or_not_at_all(text: str) -> None:
    found = comparison(text)
    assert found is None or (found.measured and str(found.threshold) not in ("nan", "inf"))
