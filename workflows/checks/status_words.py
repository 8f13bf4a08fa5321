"""What looks of the runbooks found, as items of the status."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.app.executions import ExecutionsSeen
    from activities.app.open_executions import OpenExecutionsSeen
    from activities.health.health_seen import HealthSeen
    from activities.managers.process_seen import OwnCheck, ProcessSeen
    from activities.postgres.sessions import SessionsSeen
    from activities.service.host import HostSeen
    from models.base import in_bytes, in_words
    from models.checks.item import Figure, ItemResult, Table, from_evidence
    from models.service.service import DockerManager, Manager, Service, SupervisordManager, SystemdManager

MOST = 20


def engines(services: Sequence[Service]) -> list[tuple[str, Service]]:
    """Each engine once, with a service that it manages; named by its socket where a host has several."""
    by_name: dict[str, dict[str, Service]] = {}
    for one in services:
        name = f"{_engine(one.manager)}{f' on {one.host}' if one.host else ''}"
        socket = one.manager.socket if isinstance(one.manager, SupervisordManager) else ""
        by_name.setdefault(name, {}).setdefault(socket, one)
    return [
        (f"{name} at {socket}" if len(sockets) > 1 else name, one)
        for name, sockets in sorted(by_name.items())
        for socket, one in sorted(sockets.items())
    ]


def _engine(manager: Manager) -> str:
    match manager:
        case DockerManager():
            return "Docker"
        case SupervisordManager():
            return "supervisord"
        case SystemdManager():
            return "systemd of the worker's user" if manager.user else "systemd"


def nobody(service: Service | None) -> str:
    """Why an activity was taken by nobody."""
    if service is None or service.host is None:
        return "no worker had room for it"
    return f"no worker answers on {service.host}: start `python worker.py --host {service.host}` there"


def process(seen: ProcessSeen) -> ItemResult:
    """State, and what it uses."""
    facts = {
        "version": seen.image,
        "up for": in_words(seen.age) if seen.age else "",
        "restarts": str(seen.restarts) if seen.restarts else "",
        "own health check": "" if seen.own_check is OwnCheck.NONE else seen.own_check.value,
        "memory": _of(seen.memory_used, seen.memory_limit),
        "CPU of its limit": f"{seen.cpu_share:.0%}" if seen.cpu_share is not None else "",
        "instances": str(seen.replicas) if seen.replicas > 1 else "",
    }
    details = tuple(f"{name}: {value}" for name, value in facts.items() if value)
    return from_evidence(seen).model_copy(update={"details": details})


def _of(used: int | None, limit: int | None) -> str:
    if used is None:
        return ""
    return f"{in_bytes(used)} of {in_bytes(limit)}" if limit else in_bytes(used)


def health(seen: HealthSeen) -> ItemResult:
    """The answer, with the beginning of its body."""
    facts = {
        "status": str(seen.status) if seen.status is not None else "",
        "took": f"{seen.latency * 1000:.0f} ms" if seen.latency is not None else "",
        "body": seen.body,
    }
    details = tuple(f"{name}: {value}" for name, value in facts.items() if value)
    return from_evidence(seen).model_copy(update={"details": details})


def sessions(seen: SessionsSeen) -> ItemResult:
    """How many there are, by whom; and who blocks whom."""
    groups = tuple((one.application, one.user, one.state, str(one.count)) for one in seen.groups[:MOST])
    blocked = tuple(
        (str(one.pid), in_words(one.lasts), ", ".join(map(str, one.waits_for)), one.query)
        for one in seen.blocked[:MOST]
    )
    tables = []
    if groups:
        columns = ("application", "role", "state", "sessions")
        tables.append(Table(title="connections", columns=columns, rows=groups))
    if blocked:
        columns = ("blocked", "for", "by", "query")
        tables.append(Table(title="blocking queries", columns=columns, rows=blocked))
    figures = (Figure(name="connections", value=float(seen.used)),) if seen.max_connections else ()
    nobody_blocked = () if blocked or seen.unknown else ("no query is blocked",)
    update = {"tables": tuple(tables), "figures": figures, "details": nobody_blocked}
    return from_evidence(seen).model_copy(update=update)


def host(seen: HostSeen) -> ItemResult:
    """Free room of each disk."""
    rows = tuple((one.path, in_bytes(one.free), in_bytes(one.total)) for one in seen.disks[:MOST])
    table = Table(title="disks", columns=("path", "free", "size"), rows=rows)
    return from_evidence(seen).model_copy(update={"tables": (table,) if rows else ()})


def running(seen: OpenExecutionsSeen) -> ItemResult:
    """What is open, and what of it gets no further."""
    rows = tuple((one.type, one.workflow_id, one.why) for one in seen.stuck[:MOST])
    table = Table(title="stuck", columns=("type", "workflow", "why"), rows=rows)
    types = (f"open types: {', '.join(seen.running[:MOST])}",) if seen.running else ()
    update = {"tables": (table,) if rows else (), "details": types, "link": seen.link}
    return from_evidence(seen).model_copy(update=update)


def failed(seen: ExecutionsSeen) -> ItemResult:
    """Failures by type, with the newest error of each."""
    rows = tuple((one.type, str(one.count), one.workflow_id, one.error) for one in seen.types[:MOST])
    table = Table(title="failed", columns=("type", "failures", "newest", "error"), rows=rows)
    return from_evidence(seen).model_copy(update={"tables": (table,) if rows else (), "link": seen.link})
