"""From the samples of an alert to the times for which it fired."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

BREAK = 60.0
"""Seconds: a shorter pause is that of a server which was started anew, not the end of an alert."""
BREAK_FACTOR = 2.5
"""A pause of so many evaluations is one too."""


@dataclass(frozen=True)
class Episode:
    """It fired from `began` to `ended`, in seconds since 1970."""

    began: float
    ended: float

    @property
    def lasted(self) -> float:
        return self.ended - self.began


def interval_of(samples: Iterable[Sequence[float]]) -> float:
    """How often the rules are evaluated, by the times of the samples; a minute where none tells."""
    pauses = [later - earlier for times in samples for earlier, later in pairwise(times) if later > earlier]
    return median(pauses) if pauses else 60.0


def episodes_of(instances: Sequence[Sequence[float]], interval: float) -> list[Episode]:
    """When any of the instances fired, by the times of their samples. Overlapping ones are one."""
    pause = max(BREAK, BREAK_FACTOR * interval)
    times = sorted(time for one in instances for time in one)
    found: list[Episode] = []
    for time in times:
        if found and time - found[-1].ended <= pause:
            found[-1] = Episode(found[-1].began, time)
        else:
            found.append(Episode(time, time))
    # The last sample holds until the next evaluation, which is the first without one.
    return [Episode(one.began, one.ended + interval) for one in found]
