"""How long a board shows what it knows, by how long it took to ask."""

from __future__ import annotations

import pytest

from intake.views.looks import good_for


@pytest.mark.parametrize(
    ("took", "seconds"),
    [
        pytest.param(0.0, 1.0, id="a quiet system: live"),
        pytest.param(0.05, 1.5, id="a busy one: a thirtieth of the time is spent on asking"),
        pytest.param(2.0, 3.0, id="an alert storm: nobody looks at an older board"),
    ],
)
def test_slow_answers_are_shown_longer(took: float, seconds: float) -> None:
    assert good_for(took) == seconds
