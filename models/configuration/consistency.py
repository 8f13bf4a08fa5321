"""Checks between the parts of a configuration; each mistake is one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

Place = tuple[str | int, ...]
"""The path of a key in the file, such as `("services", "backend", "depends_on", 0)`."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, where it is written, and what to write instead."""

    place: Place
    text: str


class Inconsistent(ValueError):
    """All mistakes of a configuration at once."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(mistake.text for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def closest(word: str, words: Iterable[str]) -> str:
    """`did you mean backend?`, if one of the words is near; else nothing."""
    near = difflib.get_close_matches(word, sorted(words), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def unknown(place: Place, what: str, name: str, known: Collection[str]) -> list[Mistake]:
    """No mistake if the name is known; else one that lists what is."""
    if name in known:
        return []
    hint = closest(name, known) or f"known: {', '.join(sorted(known)) or 'none yet'}"
    return [Mistake(place, f"there is no {what} {name!r}; {hint}")]


def cycles(needs: Mapping[str, Sequence[str]]) -> list[Mistake]:
    """Circular dependencies between services, each named once, at its first service."""
    found: list[Mistake] = []
    settled: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            text = f"these services depend on one another: {circle}; remove one dependency"
            found.append(Mistake(("services", name, "depends_on"), text))
        elif name in needs and name not in settled:
            for needed in needs[name]:
                walk(needed, (*path, name))
            settled.add(name)

    for name in needs:
        walk(name, ())
    return found


def doubled_aliases(aliases: Mapping[str, Sequence[str]]) -> list[Mistake]:
    """Aliases that belong to two services, which would make the target of an alert ambiguous."""
    owner = {name: name for name in aliases}
    found: list[Mistake] = []
    for name, values in aliases.items():
        for i, value in enumerate(values):
            first = owner.setdefault(value, name)
            if first != name:
                text = f"{value!r} already names the service {first!r}: remove one of them"
                found.append(Mistake(("services", name, "aliases", i), text))
    return found
