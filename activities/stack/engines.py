"""What an engine runs: every container of Docker, program of supervisord, or service of systemd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from supervisor.states import ProcessStates
from temporalio import activity

from activities.managers import DockerEngine, ManagerError
from activities.managers.supervisord_socket import all_checked, supervisor_of
from activities.managers.systemd import services_of
from activities.support.redaction import clean
from models.checks.item import ItemResult, ItemState, Table
from models.checks.status import EngineOf
from models.service.service import SupervisordManager, SystemdManager

MOST = 50

_IN_TROUBLE = {ProcessStates.BACKOFF, ProcessStates.FATAL, ProcessStates.UNKNOWN}


class EngineActivities:
    """Lists what engines run; they are asked read-only."""

    def __init__(self, docker: DockerEngine | None = None) -> None:
        self._docker = docker or DockerEngine()

    @activity.defn
    def look_at_engine(self, request: EngineOf) -> ItemResult:
        """`attention` when something is restarted again and again, or not well by its own check."""
        manager = request.service.manager
        try:
            if isinstance(manager, SupervisordManager):
                return _supervisord(manager)
            if isinstance(manager, SystemdManager):
                return _systemd(manager)
            return self._containers()
        except ManagerError as error:
            return ItemResult(reason=str(error), observed_at=datetime.now(UTC))

    def _containers(self) -> ItemResult:
        engine = self._docker.name()
        with self._docker.client() as client:
            found: Sequence[Mapping[str, Any]] = client.api.containers(all=True)
        rows = sorted(_of_container(one) for one in found)
        troubled = [name for name, _, _, status in rows if _restarts(status) or "(unhealthy)" in status]
        running = sum(state == "running" for _, _, state, _ in rows)
        return _result(f"{engine}: {running} of {len(rows)} containers run", rows, troubled)


def _of_container(found: Mapping[str, Any]) -> tuple[str, str, str, str]:
    names = found.get("Names") or [found.get("Id", "")[:12]]
    cells = (
        str(names[0]).lstrip("/"),
        found.get("Image", ""),
        found.get("State", ""),
        found.get("Status", ""),
    )
    name, image, state, status = (clean(str(cell), 120) for cell in cells)
    return name, image, state, status


def _restarts(status: str) -> bool:
    return status.startswith("Restarting")


def _supervisord(manager: SupervisordManager) -> ItemResult:
    with supervisor_of(manager) as supervisor:
        version = str(supervisor.getSupervisorVersion())
        programs = all_checked(supervisor.getAllProcessInfo())
    rows = []
    for one in programs:
        cells = (one["name"], one["group"], one["statename"].lower(), one["description"])
        name, group, state, says = (clean(str(cell), 120) for cell in cells)
        rows.append((name, group, state, says))
    troubled = [clean(str(one["name"]), 120) for one in programs if one["state"] in _IN_TROUBLE]
    running = sum(one["state"] == ProcessStates.RUNNING for one in programs)
    reason = f"supervisord {clean(version, 40)}: {running} of {len(rows)} programs run"
    return _result(reason, sorted(rows), troubled)


def _systemd(manager: SystemdManager) -> ItemResult:
    """One that failed or is started again and again stands first: a machine has more than are shown."""
    services = [tuple(clean(cell, 120) for cell in one) for one in services_of(manager)]
    rows = [(name, loaded, f"{active} ({sub})", says) for name, loaded, active, sub, says in services]
    bad = {name for name, _, active, sub, _ in services if active == "failed" or sub == "auto-restart"}
    running = sum(active == "active" for _, _, active, _, _ in services)
    reason = f"systemd: {running} of {len(rows)} services are active"
    return _result(reason, sorted(rows, key=lambda row: (row[0] not in bad, row)), sorted(bad))


def _result(reason: str, rows: Sequence[tuple[str, str, str, str]], troubled: Sequence[str]) -> ItemResult:
    return ItemResult(
        state=ItemState.ATTENTION if troubled else ItemState.OK,
        reason=f"{reason}; look at {', '.join(troubled[:5])}" if troubled else reason,
        observed_at=datetime.now(UTC),
        tables=(
            Table(title="what it runs", columns=("name", "of", "state", "says"), rows=tuple(rows[:MOST])),
        ),
    )
