"""How the setting of a service would change so that its heap may be larger. Changes nothing."""

from __future__ import annotations

import re
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


class ProposeHeapLimit(ServiceRequest):
    """`memory` is what the process may have, in bytes; None where nothing limits it."""

    memory: int | None = None


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
            return EnvironmentProposal(reason=reason, observed_at=now)
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
            present = _present(stands, limit)
            if present is not None and present >= limit.mebibytes:
                reason = f"its heap may have {in_bytes(present * MIB)} already"
                return EnvironmentProposal(reason=reason, observed_at=now, unchanged=True)
            values = {limit.key: _with(stands, limit)}
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


def _option(limit: HeapLimit) -> re.Pattern[str]:
    """Node.js takes underscores for dashes, and the newest of two."""
    name = re.escape(limit.option.removeprefix("--")).replace(r"\-", "[-_]")
    return re.compile(rf"(?<!\S)--{name}(?:=|\s+)(\d{{1,9}})(?!\S)")


def _present(stands: str, limit: HeapLimit) -> int | None:
    found = _option(limit).findall(stands)
    return int(found[-1]) if found else None


def _with(stands: str, limit: HeapLimit) -> str:
    others = " ".join(_option(limit).sub("", stands).split())
    return f"{others} {limit.option}={limit.mebibytes}".strip()
