"""The faults of the demo by name. Each is produced, not described.

Whatever a file of this folder has in its FAULTS is a fault of the demo.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from demo.faults.fault import Fault

__all__ = ["FAULTS", "Fault"]

FAULTS: dict[str, Fault] = {}
for _file in iter_modules(__path__, f"{__name__}."):
    FAULTS |= getattr(import_module(_file.name), "FAULTS", {})
