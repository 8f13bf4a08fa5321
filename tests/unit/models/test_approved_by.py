"""What is written where nobody was asked is read again as that, and a person's name never is."""

from __future__ import annotations

import pytest

from models.actions.approved_by import REVERTED, by_policy, nobody_was_asked, policy_says


def test_the_reason_of_the_policy_is_read_as_it_was_written() -> None:
    written = by_policy("guarded (as configured), urgent")
    assert policy_says(written) == "guarded (as configured), urgent"
    assert nobody_was_asked(written)


@pytest.mark.parametrize(
    ("approved_by", "unasked"), [(REVERTED, True), ("anna", False), ("", False), ("the policy (x)", False)]
)
def test_only_the_products_own_words_mean_that_nobody_was_asked(approved_by: str, *, unasked: bool) -> None:
    assert nobody_was_asked(approved_by) is unasked
    assert policy_says(approved_by) == ""
