"""What the store asks of a database: short transactions, one writer at a time.

The statements are the same for both; their parameters are written `$1`, `$2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from runtime.errors import Trouble

Row = Mapping[str, Any]


class StoreAway(Trouble):
    """The store cannot be used now; the text says why, and never repeats a connection string."""


class StoreEmpty(StoreAway):
    """Nothing was stored there yet."""


class Transaction(Protocol):
    """Its statements count together, or not at all."""

    async def rows(self, statement: str, *values: Any) -> Sequence[Row]: ...

    async def run(self, statement: str, *values: Any) -> None: ...

    async def run_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None: ...


class Database(Protocol):
    """One place of a store. What goes wrong with it is raised as StoreAway."""

    kind: str
    """`postgres` or `sqlite`."""
    where: str
    """As it may be told: no secret."""

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that no other process writes beside."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees one moment, and writes nothing."""
        ...

    async def is_empty(self, transaction: Transaction) -> bool:
        """Whether there is no schema yet."""
        ...
