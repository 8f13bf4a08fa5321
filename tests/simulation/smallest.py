"""A script that breaks a rule, made as small as it can be while it still does."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.episode import PRODUCT, Workflows, play
from tests.simulation.script import Script


def rules_of(broken: list[str]) -> set[str]:
    """The names of the rules that are broken."""
    return {one.partition(":")[0] for one in broken}


def smallest(script: Script, rule: str, workflows: Workflows = PRODUCT) -> Script:
    """Without every trouble and event that can be left out: the same rule is broken still."""
    while shorter := next((one for one in _shorter(script) if rule in rules_of(play(one, workflows))), None):
        script = shorter
    return script


def _shorter(script: Script) -> Iterator[Script]:
    """The same with one thing less; half of the events at once first."""
    events = script.events
    half = len(events) // 2
    if half > 1:
        yield script.model_copy(update={"events": events[:half]})
        yield script.model_copy(update={"events": events[half:]})
    for trouble in script.troubles:
        left = tuple(one for one in script.troubles if one != trouble)
        yield script.model_copy(update={"troubles": left})
    for place in reversed(range(len(events))):
        yield script.model_copy(update={"events": (*events[:place], *events[place + 1 :])})
