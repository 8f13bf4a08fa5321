"""What is done about the memory of a service."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    from models.actions.memory import ClearCache, TakeDiagnostic
    from models.actions.plan import AUTOMATIC, Offer, Plan, offered
    from models.actions.service import RestartService
    from models.actions.surroundings import SetEnvironment
    from models.base import in_bytes, in_words
    from models.evidence.evidence import Evidence, Finding
    from workflows.diagnosis.how_it_runs import is_young
    from workflows.diagnosis.situation import Situation


FULL = 0.97
"""The share of its container's memory at which the kernel may end it any moment."""


def runs_out(now: Situation) -> str:
    """Why there is no time to ask: it is certain that it grows, and is full soon, and not by its start."""
    memory, metrics = now[looks.memory], now.service.metrics
    if metrics is None or not memory.certain or memory.full_in is None:
        return ""
    if now[looks.process].age is None or is_young(now) or memory.full_in > metrics.memory.urgent_within:
        return ""
    return f"the heap of {now.service.name} is full in {in_words(memory.full_in)}"


def restart(now: Situation) -> Plan:
    """Restart it; what is in its memory is written down before, where that is configured and possible."""
    if now[looks.process].down:
        return plans.start(now)
    steps = (*_diagnostic(now), RestartService(service=now.service))
    return Plan(steps=steps, why="; ".join(one for one in (*_seen(now), _left_out(now)) if one))


def more_heap(now: Situation) -> Plan | None:
    """Raise the limit of its heap; that restarts it as well."""
    proposal = now[looks.heap_limit]
    if not proposal.ok or not proposal.diff or now[looks.process].down:
        return None
    step = SetEnvironment(service=now.service, file=proposal.file, values=proposal.values, diff=proposal.diff)
    return Plan(steps=(*_diagnostic(now), step), why="; ".join(_seen(now)))


def restart_or_more_heap(now: Situation) -> Offer | None:
    """A person may choose. Where nobody is asked, there is nothing to choose from."""
    simply = restart(now)
    unasked = simply.risk(now.policy.risks) in AUTOMATIC[now.policy.severity]
    return simply if unasked or runs_out(now) else offered(simply, more_heap(now))


def clear_cache(now: Situation) -> Offer | None:
    """Empty the caches of the running service; where that is not configured, a restart does it."""
    caches = now[looks.caches]
    if now.service.clear_cache is None or caches.total is None or now[looks.process].down:
        return restart_or_more_heap(now)
    step = ClearCache(service=now.service, holds=caches.total)
    return Plan(steps=(step,), why=f"{caches.reason}; {'; '.join(_seen(now))}")


def in_its_container(now: Situation) -> Evidence:
    """The kernel ends a process at the limit of its container, however much room its heap has."""
    process = now[looks.process]
    if not process.running or process.memory_used is None or not process.memory_limit:
        return Evidence(reason="its memory has no limit, or cannot be seen", observed_at=process.observed_at)
    full = process.memory_used >= FULL * process.memory_limit
    reason = f"its process uses {in_bytes(process.memory_used)} of {in_bytes(process.memory_limit)}"
    finding = Finding.BAD if full else Finding.OK
    return Evidence(finding=finding, reason=reason, observed_at=process.observed_at)


def _seen(now: Situation) -> tuple[str, ...]:
    """What a person needs to know who decides: the heap, the container, who collects listeners."""
    inside, emitters = in_its_container(now), now[looks.emitters]
    then = (now[looks.routes_then], now[looks.starts_then], now[looks.lines_then])
    told = [now[looks.memory].reason]
    told += [inside.reason] if not inside.unknown else []
    told += [_limited(now)] if _limited(now) else []
    told += [emitters.reason] if emitters.bad else []
    told += [one.reason for one in then if one.ok and now[looks.memory].jumped]
    return tuple(told)


def _limited(now: Situation) -> str:
    """What the heap may really have, beside its container; and why the setting is not raised."""
    limit, container = now[looks.memory].limit, now[looks.process].memory_limit
    if limit is None:
        return ""
    beside = f", and its container {in_bytes(container)}" if container else ""
    kept = now[looks.heap_limit]
    why = f" ({kept.reason})" if kept.unchanged else ""
    return f"its heap may have {in_bytes(limit)}{beside}{why}"


def _diagnostic(now: Situation) -> tuple[TakeDiagnostic, ...]:
    diagnostic = now.service.diagnostic
    if diagnostic is None or _left_out(now):
        return ()
    step = TakeDiagnostic(
        service=now.service,
        by=diagnostic.asked_by,
        directory=diagnostic.directory,
        pattern=diagnostic.pattern,
        at_most=diagnostic.at_most,
        largest=diagnostic.largest,
    )
    return (step,)


def _left_out(now: Situation) -> str:
    """Why a configured diagnostic is not taken."""
    diagnostic, process, left = now.service.diagnostic, now[looks.process], now[looks.memory].full_in
    if diagnostic is None:
        return ""
    if left is not None and left < 2 * diagnostic.at_most:
        return (
            f"no diagnostic is taken: there is no time for it, which may take {in_words(diagnostic.at_most)}"
        )
    if process.memory_used is None or process.memory_limit is None:
        return ""
    needs, free = diagnostic.needs_memory * process.memory_used, process.memory_limit - process.memory_used
    if needs <= free:
        return ""
    return f"no diagnostic is taken: it needs {in_bytes(int(needs))} more, and {in_bytes(free)} are free"
