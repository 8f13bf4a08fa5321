"""The fixes that the runbooks share: each makes one exact plan from what was seen, or none."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.database import RaiseMaxConnections, RestartDatabase, TerminateSessions
    from models.actions.endpoints import AnswerMaintenance, Closed, DisableEndpoint, ReopenEndpoint
    from models.actions.plan import Plan
    from models.actions.service import (
        KillProcess,
        RaiseMemoryLimit,
        RestartService,
        RollBack,
        ScaleOut,
        StartService,
    )
    from models.actions.surroundings import (
        CleanUpFiles,
        Degrade,
        ReattachNetwork,
        RestoreService,
        SetEnvironment,
    )
    from models.actions.videos import RestoreBudget, UseUsualGenerator
    from models.service.endpoints import Endpoint, named_by
    from workflows.diagnosis.deployment_signs import told
    from workflows.diagnosis.how_it_runs import crashes_in_words
    from workflows.diagnosis.provider_failures import only_texts, provider_failures
    from workflows.diagnosis.situation import Situation

_NONE_RECORDED = "none is recorded, which does not say that there was none"


def start(now: Situation) -> Plan:
    """Start what stands still."""
    return Plan(steps=(StartService(service=now.service),), why=now[looks.process].reason)


def restart(now: Situation) -> Plan:
    """Restart what runs; start what has stopped meanwhile."""
    if now[looks.process].down:
        return start(now)
    return Plan(steps=(RestartService(service=now.service),), why=now.trouble)


def restart_dependent(name: str) -> Callable[[Situation], Plan]:
    """An application is restarted once its database answers again, so that it connects anew."""

    def plan(now: Situation) -> Plan:
        why = f"it must connect to {now.service.name} anew"
        return Plan(steps=(RestartService(service=now.dependent_called(name)),), why=why)

    return plan


def restart_database(now: Situation) -> Plan | None:
    """Force the restart of a database that hangs or is deadlocked, naming who blocks whom."""
    if now.database is None or now[looks.sessions].held_by_prepared:
        return None
    blockers = ", ".join(
        f"session {one.pid} of {one.application or one.user} blocks others: {one.query}"
        for one in now[looks.sessions].blockers[:3]
    )
    return Plan(steps=(RestartDatabase(service=now.database),), why=blockers or now.trouble)


def more_memory_then_start(now: Situation) -> Plan | None:
    """Raise the limit by the configured factor, up to its cap; nothing more is possible at the cap.

    What has no limit of its own is only started.
    """
    limit, memory = now[looks.process].memory_limit, now.service.memory
    if limit is None:
        return start(now)
    if limit >= memory.cap:
        return None
    more = min(int(limit * memory.factor), memory.cap)
    raised = RaiseMemoryLimit(service=now.service, from_bytes=limit, to_bytes=more)
    return Plan(steps=(raised, StartService(service=now.service)), why=now[looks.process].reason)


def free_the_port_then_start(now: Situation) -> Plan | None:
    """Kill the exact process that holds the port; nobody is killed who was not seen there, or who could
    not be told from another."""
    seen = now[looks.port_owner]
    port, owner = seen.port, seen.owner
    if port is None or owner is None or owner.ours or owner.identity is None:
        return None
    kill = KillProcess(
        service=now.service,
        pid=owner.pid,
        process=owner.name,
        started_at=owner.started_at,
        identity=owner.identity,
        port=port,
    )
    known = f"; {owner.in_words(seen.observed_at)}" if seen.observed_at else ""
    return Plan(steps=(kill, StartService(service=now.service)), why=f"{seen.reason}{known}")


def roll_back(now: Situation) -> Plan | None:
    """Back to the version that was last seen healthy, or by the configured script."""
    history = looks.deployments(now)
    to, script = history.last_healthy, now.service.rollback
    if to is None and script is None:
        return None
    back = RollBack(
        service=now.service,
        from_version=now[looks.process].image,
        from_image=now[looks.process].image_id,
        to_version=to.version if to and not script else None,
        to_image=to.image_id if to and not script else "",
        script=script,
    )
    newest = history.deployments[:3]
    listed = ", ".join(map(told, newest))
    reasons = (now.trouble, crashes_in_words(now), f"recent deployments: {listed or _NONE_RECORDED}")
    return Plan(steps=(back,), why="; ".join(one for one in reasons if one))


def scale_out(now: Situation) -> Plan | None:
    """One more replica, as long as the configuration allows it."""
    run = now[looks.process].replicas
    if run >= now.service.scale.max_replicas:
        return None
    out = ScaleOut(service=now.service, from_replicas=run, to_replicas=run + 1)
    return Plan(steps=(out,), why=now.trouble)


def degrade(now: Situation) -> Plan | None:
    """Cached answers, queued jobs and 202 instead of errors, while a provider is away."""
    degradation, down = now.service.degradation, provider_failures(now, now[looks.errors].since)
    if degradation is None or not down:
        return None
    names = ", ".join(dict.fromkeys(one.name for one in down))
    step = Degrade(service=now.service, because_of=names, at_most=degradation.at_most)
    alone = "; nothing that is measured agrees" if only_texts(down) else ""
    return Plan(steps=(step,), why="; ".join(one.says for one in down[:4]) + alone)


def degrade_while_slow(now: Situation) -> Plan | None:
    """Fewer calls, cached answers and queued jobs, while a provider is slow."""
    degradation, seen = now.service.degradation, now[looks.provider_times]
    if degradation is None:
        return None
    names = ", ".join(one.label for one in seen.slow)
    step = Degrade(service=now.service, because_of=names, trouble="slow", at_most=degradation.at_most)
    return Plan(steps=(step,), why=seen.reason)


def restore(now: Situation) -> Plan:
    """The undo of `degrade`."""
    return Plan(steps=(RestoreService(service=now.service),), why="it was degraded only for a while")


def terminate_idle_sessions(now: Situation) -> Plan | None:
    """End exactly those sessions that were seen idle for longer than the limit."""
    seen, limits = now[looks.sessions], now.service.database
    idle = [session for session in seen.idle if seen.frees(session)]
    if not idle or limits is None:
        return None
    ended = TerminateSessions(
        service=now.service,
        sessions=tuple(session.exactly for session in idle),
        idle_longer_than=limits.idle_limit,
    )
    return Plan(steps=(ended,), why=now[looks.sessions].reason)


def end_blockers(now: Situation) -> Plan | None:
    """End the sessions that hold a lock and do nothing, for longer than the limit; others a person ends."""
    seen, database = now[looks.sessions], now.database
    if database is None or database.database is None:
        return None
    limit = database.database.idle_limit
    idle = [one for one in seen.blockers if one.state.startswith("idle") and one.lasts > limit]
    if not idle:
        return None
    ended = TerminateSessions(
        service=database, sessions=tuple(one.exactly for one in idle), idle_longer_than=limit
    )
    return Plan(steps=(ended,), why=seen.reason)


def more_connections(now: Situation) -> Plan | None:
    """Raise `max_connections` by half: where that limit is reached, and no idle session can be ended."""
    limit = now[looks.sessions].max_connections
    if not now[looks.sessions].exhausted:
        return None
    raised = RaiseMaxConnections(
        service=now.service, from_connections=limit, to_connections=limit + limit // 2
    )
    return Plan(steps=(raised,), why=now[looks.sessions].reason)


def room_for_connections(now: Situation) -> Plan | None:
    """First end what is idle; only where nothing is, allow more."""
    return terminate_idle_sessions(now) or more_connections(now)


def bigger_pool(now: Situation) -> Plan | None:
    """Raise the application's pool size in its env file, with the exact diff."""
    proposal = now[looks.pool_setting]
    if not proposal.ok or proposal.unchanged:
        return None
    step = SetEnvironment(
        service=now.dependent, file=proposal.file, values=proposal.values, diff=proposal.diff
    )
    return Plan(steps=(step,), why=now[looks.dependents_logs].reason)


def reattach_network(now: Situation) -> Plan | None:
    """Connect the first of the two containers that left the network that they share."""
    both = {one.name: one for one in (now.dependent, now.service)}
    off = next((both[name] for name in now[looks.networks].off if name in both), None)
    if off is None or off.network is None:
        return None
    step = ReattachNetwork(service=off, network=off.network)
    return Plan(steps=(step,), why=now[looks.networks].reason)


def clean_up_then_start(now: Situation) -> Plan | None:
    """Delete exactly the old files that were listed; then start what stopped for lack of room."""
    old = now[looks.old_files]
    if not old.files:
        return None
    gone = CleanUpFiles(
        service=now.service,
        files=tuple(file.path for file in old.files),
        frees=old.size,
        directory=old.directory,
        identities=tuple(file.identity for file in old.files),
    )
    return Plan(steps=(gone, StartService(service=now.service)), why=now[looks.host].reason)


def endpoint_of(now: Situation) -> Endpoint | None:
    """The endpoint of the configuration that the alert names."""
    endpoints = now.service.endpoints
    return endpoints.called(named_by(now.labels)) if endpoints else None


def answer_maintenance(now: Situation) -> Plan | None:
    """Where it has such a switch."""
    endpoint = endpoint_of(now)
    if endpoint is None or endpoint.maintenance is None:
        return None
    step = AnswerMaintenance(service=now.service, path=endpoint.path, at_most=endpoint.at_most)
    return Plan(steps=(step,), why=now.trouble)


def disable_endpoint(now: Situation) -> Plan | None:
    """Where it has such a switch."""
    endpoint = endpoint_of(now)
    if endpoint is None or endpoint.disable is None:
        return None
    step = DisableEndpoint(service=now.service, path=endpoint.path, at_most=endpoint.at_most)
    return Plan(steps=(step,), why=now.trouble)


def reopen_endpoint(closed: Closed) -> Callable[[Situation], Plan | None]:
    """Put it back into service by the switch that took it out."""

    def plan(now: Situation) -> Plan | None:
        endpoint = endpoint_of(now)
        if endpoint is None:
            return None
        step = ReopenEndpoint(service=now.service, path=endpoint.path, from_=closed)
        return Plan(steps=(step,), why="it was taken out of service only for a while")

    return plan


def nobody_sees_behind(now: Situation) -> bool:
    """Without a way past the switch the end of the alert is the only sign that the endpoint is well."""
    endpoint = endpoint_of(now)
    return endpoint is None or endpoint.bypass is None


def use_usual(now: Situation) -> Plan | None:
    """The undo of the backup generator."""
    videos = now.service.videos
    if videos is None or videos.backup is None:
        return None
    step = UseUsualGenerator(service=now.service, generator=videos.backup.name)
    return Plan(steps=(step,), why="it stood in only for a while")


def restore_budget(now: Situation) -> Plan | None:
    """The undo of the raised budget."""
    switch = now.service.videos.budget if now.service.videos else None
    if switch is None:
        return None
    step = RestoreBudget(service=now.service, from_dollars=switch.raised, to_dollars=switch.usual)
    return Plan(steps=(step,), why="it was raised only for a while")
