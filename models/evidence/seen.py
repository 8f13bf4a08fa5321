"""Everything that an incident looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from models.evidence.evidence import Evidence

R_co = TypeVar("R_co", bound=Evidence, covariant=True)


class Looked(Protocol[R_co]):
    """What a look is to its evidence: the name that people see, and the type of its result."""

    @property
    def name(self) -> str: ...

    @property
    def result(self) -> type[R_co]: ...


@dataclass(frozen=True)
class Seen:
    """The evidence by the name of its look, in the order in which the runbook looked."""

    by_name: Mapping[str, Evidence] = field(default_factory=dict)

    def __getitem__(self, look: Looked[R_co]) -> R_co:
        """What a look found; `unknown` when it was not taken."""
        found = self.by_name.get(look.name)
        return found if isinstance(found, look.result) else look.result()

    def having(self, found: Iterable[tuple[Looked[Evidence], Evidence]]) -> Seen:
        """With this evidence too; a look that is taken again replaces what it found before."""
        return Seen({**self.by_name, **{look.name: evidence for look, evidence in found}})
