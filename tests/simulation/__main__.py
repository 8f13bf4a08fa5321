"""`python -m tests.simulation [EPISODES] [FIRST_SEED]`: plays them, and prints what breaks a rule."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.episode import play
from tests.simulation.script import draw
from tests.simulation.smallest import rules_of, smallest

EPISODES = 10_000
SHOWN = 10
"""Scripts: when everything is broken, nobody reads them all."""


def main(episodes: int = EPISODES, first: int = 0) -> int:
    """Play them on every core; 1 when a rule was broken."""
    began = time.monotonic()
    seeds = range(first, first + episodes)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = [one for one in pool.map(_broken, seeds, chunksize=50) if one]
    for text in found[:SHOWN]:
        print(text)
    took = time.monotonic() - began
    print(f"{episodes} episodes from seed {first} in {took:.0f} s: {len(found)} break a rule")
    return 1 if found else 0


def _broken(seed: int) -> str:
    """What an episode breaks, with its script; empty when it keeps every rule."""
    script = draw(seed)
    broken = play(script)
    if not broken:
        return ""
    small = smallest(script, min(rules_of(broken)))
    return "\n".join([f"seed {seed}", *play(small), small.model_dump_json(indent=1)])


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in sys.argv[1:3])))
