"""One row of a test for each row of a causes table: what is seen, and what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.workflows.night import Night

Scene = Callable[[Night], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """`done` is what was changed, in order. Either the policy allows it, or it `asks` a person
    first; or it `needs_a_human`, and nothing is changed at all."""

    cause: str
    scene: Scene
    done: tuple[str, ...] = ()
    asks: bool = False
    needs_a_human: bool = False
    pages: tuple[str, ...] = ("On-Call",)
    also_seen: tuple[str, ...] = ()
    service: str = "backend"
    configuration: dict[str, Any] = field(default_factory=dict)
    variant: str = ""

    @property
    def title(self) -> str:
        return f"{self.cause}, {self.variant}" if self.variant else self.cause


def scene(**changes: Any) -> Scene:
    """The world with these sights."""

    async def changed(night: Night) -> None:
        for name, value in changes.items():
            setattr(night.world, name, value)

    return changed
