"""Every kind of action, collected from the modules of this folder; there is no other list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

import models.actions
from models.actions.change import Change

OWN = "models.actions."
ACTIONS_BROUGHT: list[type[Change]] = []
"""Those of outside packages, which `kinds` has, too: filled when a process begins, before any run."""


@cache
def kinds() -> Mapping[str, type[Change]]:
    """Every action by its kind, as plans and the configuration's `risks` name it."""
    for module in pkgutil.iter_modules(models.actions.__path__, OWN):
        importlib.import_module(module.name)
    own = [one for one in _below(Change) if one.__module__.startswith(OWN)]
    found = {kind_of(one): one for one in (*own, *ACTIONS_BROUGHT)}
    return {kind: found[kind] for kind in sorted(found)}


def kind_of(action: type[Change]) -> str:
    """Empty for a base that leaves the kind to the classes below it."""
    kind = action.model_fields["kind"].default
    return kind if isinstance(kind, str) else ""


def _below(base: type[Change]) -> Iterator[type[Change]]:
    """Every class that is derived from this one, wherever it is defined."""
    for one in base.__subclasses__():
        yield one
        yield from _below(one)


def _of_its_kind(value: Any) -> Any:
    """A serialised action, parsed as the class of its kind."""
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("kind"))
    if kind not in kinds():
        raise ValueError(f"there is no kind of action {kind!r}; known: {', '.join(sorted(kinds()))}")
    return kinds()[kind].model_validate(value)


Action = Annotated[SerializeAsAny[Change], BeforeValidator(_of_its_kind)]
"""Any action: serialised whole, and parsed as the class of its kind."""
