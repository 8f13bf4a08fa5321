"""How a process imports what it needs: most of it when it begins, and once."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType


def imported(name: str) -> ModuleType:
    """A module, imported while the garbage collector rests, which takes a fifth of the time otherwise.

    Thousands of classes are made and all of them stay. They are set apart afterwards, so that later
    collections pass them over (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()
