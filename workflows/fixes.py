"""The fixes that several runbooks share: each makes one exact plan from what was seen."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.action import (
        KillProcess,
        Plan,
        RaiseMemoryLimit,
        RestartService,
        RollBack,
        ScaleOut,
        StartService,
    )
    from workflows.diagnosis import Situation


def start(now: Situation) -> Plan:
    """Start what stands still."""
    return Plan(steps=(StartService(service=now.service),), why=now.seen.process.reason)


def restart(now: Situation) -> Plan:
    """Restart what runs; start what has stopped meanwhile."""
    if now.seen.process.exited:
        return start(now)
    return Plan(steps=(RestartService(service=now.service),), why=now.seen.health.reason)


def more_memory_then_start(now: Situation) -> Plan | None:
    """Raise the limit by the configured factor, up to its cap; nothing more is possible at the cap."""
    limit, memory = now.seen.process.memory_limit, now.service.memory
    if limit is None or limit >= memory.cap:
        return None
    more = min(int(limit * memory.factor), memory.cap)
    raised = RaiseMemoryLimit(service=now.service, from_bytes=limit, to_bytes=more)
    return Plan(steps=(raised, StartService(service=now.service)), why=now.seen.process.reason)


def free_the_port_then_start(now: Situation) -> Plan | None:
    """Kill the exact process that holds the port; nobody is killed who was not seen there."""
    port, owner = now.seen.port.port, now.seen.port.owner
    if port is None or owner is None or owner.ours:
        return None
    kill = KillProcess(
        service=now.service, pid=owner.pid, process=owner.name, started_at=owner.started_at, port=port
    )
    return Plan(steps=(kill, StartService(service=now.service)), why=now.seen.port.reason)


def roll_back(now: Situation) -> Plan | None:
    """Back to the version that was last seen healthy, or by the configured script."""
    to, script = now.seen.history.last_healthy, now.service.rollback
    if to is None and script is None:
        return None
    back = RollBack(
        service=now.service,
        from_version=now.seen.process.image,
        to_version=to.version if to and not script else None,
        script=script,
    )
    listed = ", ".join(
        f"{d.version} ({d.deployed_at:%Y-%m-%d %H:%M})" for d in now.seen.history.deployments[:3]
    )
    return Plan(steps=(back,), why=f"recent deployments: {listed or 'none are known'}")


def scale_out(now: Situation) -> Plan | None:
    """One more replica, where the configuration allows more than one."""
    if now.service.scale.max_replicas < 2:
        return None
    out = ScaleOut(service=now.service, from_replicas=1, to_replicas=2)
    return Plan(steps=(out,), why=now.seen.process.reason)
