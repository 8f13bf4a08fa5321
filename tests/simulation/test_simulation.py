"""Episodes keep every rule, those that once did not still do, and a broken rule is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.breakages import BREAKAGES
from tests.simulation.episode import play
from tests.simulation.script import Script, draw
from tests.simulation.smallest import rules_of, smallest

EPISODES = 500
AT_ONCE = 50
FEW = 6
"""Events of a script that a person reads at a glance."""
KEPT = sorted((Path(__file__).parent / "scripts").glob("*.json"))


@pytest.mark.parametrize("first", range(0, EPISODES, AT_ONCE))
def test_episodes_keep_every_rule(first: int) -> None:
    broken = {seed: play(draw(seed)) for seed in range(first, first + AT_ONCE)}
    assert {seed: one for seed, one in broken.items() if one} == {}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_once_broke_a_rule_keeps_them_all(path: Path) -> None:
    assert play(Script.model_validate_json(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("rule", BREAKAGES)
def test_a_rule_that_is_broken_is_found(rule: str) -> None:
    broken = BREAKAGES[rule]
    found = next(script for script in map(draw, range(EPISODES)) if rule in rules_of(play(script, broken)))
    small = smallest(found, rule, broken)
    assert len(small.events) <= FEW
    assert rule in rules_of(play(small, broken))
    assert play(small) == [], "the product itself keeps every rule in the same episode"


def test_the_same_script_is_the_same_episode() -> None:
    broken = BREAKAGES["doubled rung"]
    once, again = ([play(draw(seed), broken) for seed in range(AT_ONCE)] for _ in range(2))
    assert once == again
    assert any(once)
