"""What the parts of a configuration can get wrong about one another, each said in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

Place = tuple[str | int, ...]
"""The way to a key of the file, such as `("services", "backend", "depends_on", 0)`."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, where it is written, and what to write instead."""

    place: Place
    text: str


class Inconsistent(ValueError):
    """All the mistakes of one configuration at once, so that nobody repairs them one by one."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(mistake.text for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def closest(word: str, words: Iterable[str]) -> str:
    """`did you mean backend?`, if one of the words is near; else nothing."""
    near = difflib.get_close_matches(word, sorted(words), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def unknown(place: Place, what: str, name: str, known: Collection[str]) -> list[Mistake]:
    """A name that must lead somewhere: no mistake if it does, else one with what is known."""
    if name in known:
        return []
    hint = closest(name, known) or f"known: {', '.join(sorted(known)) or 'none yet'}"
    return [Mistake(place, f"there is no {what} {name!r}; {hint}")]


def cycles(needs: Mapping[str, Sequence[str]]) -> list[Mistake]:
    """Services that wait for one another: each circle is named once, at its first service."""
    found: list[Mistake] = []
    settled: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            text = f"these depend on one another: {circle}; take one of these out"
            found.append(Mistake(("services", name, "depends_on"), text))
        elif name in needs and name not in settled:
            for needed in needs[name]:
                walk(needed, (*path, name))
            settled.add(name)

    for name in needs:
        walk(name, ())
    return found


def doubled_aliases(aliases: Mapping[str, Sequence[str]]) -> list[Mistake]:
    """A label value that two services answer to would make the target ambiguous."""
    owner = {name: name for name in aliases}
    found: list[Mistake] = []
    for name, values in aliases.items():
        for i, value in enumerate(values):
            first = owner.setdefault(value, name)
            if first != name:
                text = f"{value!r} already means the service {first!r}: one value, one service"
                found.append(Mistake(("services", name, "aliases", i), text))
    return found
