"""How the setting of a service would change so that its heap may be larger. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from temporalio import activity

from activities.files.env_edit import CannotEdit, diff, edit, values_in
from activities.files.env_files import FileTrouble
from activities.files.environment import EnvironmentProposal, file_of
from activities.managers import ManagerError, Managers, Unsupported
from models.base import in_bytes
from models.evidence.evidence import Finding
from models.service.memory import HeapLimit
from models.service.request import ServiceRequest

MIB = 2**20
OF_THE_MEMORY = 0.8
"""The share of the memory that a process may have which its heap may take: buffers and code need the rest."""

ABOUT = 0.95
"""Node.js reports not exactly what the option says: other parts of the heap are counted as well."""


class ProposeHeapLimit(ServiceRequest):
    """`memory` is what the process may have, in bytes; None where nothing limits it. `in_force` is the limit
    of its heap that Node.js itself reports, in bytes; None where that is not known."""

    memory: int | None = None
    in_force: int | None = None


class HeapLimitActivities:
    """Reads env files of this host."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def propose_heap_limit(self, request: ProposeHeapLimit) -> EnvironmentProposal:
        """The diff of the file; `unknown`, and why, where the limit would not be higher, or not fit."""
        service, now = request.service, datetime.now(UTC)
        limit = service.heap_limit
        if limit is None:
            reason = f"no heap_limit is configured for {service.name}"
            return EnvironmentProposal(reason=reason, observed_at=now, applies=False)
        wanted = limit.mebibytes * MIB
        if request.memory is not None and wanted > OF_THE_MEMORY * request.memory:
            reason = (
                f"a heap of {in_bytes(wanted)} does not fit into the {in_bytes(request.memory)} that"
                f" {service.name} may have"
            )
            return EnvironmentProposal(reason=reason, observed_at=now)
        try:
            file = file_of(service)
            stands = values_in(file.text).get(limit.key) or self._started_with(request, limit)
            if has_it := _has_it_already(limit.given_by(stands), request.in_force, wanted, limit):
                return EnvironmentProposal(reason=has_it, observed_at=now, unchanged=True)
            values = {limit.key: limit.raised(stands)}
            edited = edit(file.text, values)
        except (CannotEdit, FileTrouble, Unsupported, ManagerError) as trouble:
            return EnvironmentProposal(reason=str(trouble), observed_at=now)
        return EnvironmentProposal(
            finding=Finding.OK,
            reason=f"{limit.key} would be changed in {service.env_file}",
            observed_at=now,
            file=str(service.env_file),
            values=values,
            diff=diff(file.text, edited, str(service.env_file), values),
        )

    def _started_with(self, request: ProposeHeapLimit, limit: HeapLimit) -> str:
        """Its other options must not be lost, wherever they come from."""
        environment = self._managers.of(request.service).environment() or {}
        return environment.get(limit.key, "")


def _has_it_already(present: int | None, in_force: int | None, wanted: int, limit: HeapLimit) -> str:
    """Why the setting is not raised; empty where it would raise what the process really has.

    The setting may be newer than the process, or another one may be stronger; and without it the limit may
    be as high by itself.
    """
    set_to = None if present is None else present * MIB
    if set_to is not None and set_to >= wanted:
        if in_force is None or in_force >= ABOUT * set_to:
            return f"its heap may have {in_bytes(set_to)} already"
        says = f"{limit.key} gives its heap {in_bytes(set_to)}, but Node.js reports {in_bytes(in_force)}"
        return f"{says}: it was not recreated since, or an option of its command counts instead"
    if in_force is not None and in_force >= wanted:
        return f"Node.js reports that its heap may have {in_bytes(in_force)} already"
    return ""
