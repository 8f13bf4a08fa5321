"""The faults of the demo by name. Each is produced, not described."""

from __future__ import annotations

from demo.faults import database, errors, service
from demo.faults.fault import Fault

__all__ = ["FAULTS", "Fault"]

FAULTS: dict[str, Fault] = {**service.FAULTS, **database.FAULTS, **errors.FAULTS}
