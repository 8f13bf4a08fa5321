"""BrokenEndpoint: what speaks for each cause, and what against it."""

from __future__ import annotations

import pytest

from workflows.diagnosis.provider_failures import speaks_of


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("Meta API error: timeout", True),
        ("MetaTimeoutError", True),
        ("meta_unavailable", True),
        ("https://graph.meta.com answered 503", True),
        ("callMeta", True),
        ('{"error": "x is undefined", "metadata": {"request": 1}}', False),
        ("Prometheus metaphor", False),
        ("no such element: betameta", False),
    ],
)
def test_a_provider_is_named_by_a_word_of_its_own(text: str, speaks: bool) -> None:
    assert speaks_of(text, "meta") is speaks
