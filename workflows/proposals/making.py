"""Makes the exact action that was proposed from the configuration and from what is seen now.

A proposal only names the action and how much of it: all else is looked at first, as for every plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    from models.actions.answers import RunScript
    from models.actions.application import SyncProducts
    from models.actions.change import Change
    from models.actions.database import RestartDatabase
    from models.actions.memory import ClearCache
    from models.actions.plan import Plan
    from models.actions.service import RaiseMemoryLimit, RestartService, ScaleOut, StartService
    from models.actions.surroundings import RecreateService
    from models.catalogue.line import ProposalLine
    from models.catalogue.proposable import Memory, Replicas, settings_of
    from models.evidence.evidence import Evidence
    from models.evidence.seen import Seen
    from models.incident.policy import Policy
    from models.service.service import Service
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation

Made = Change | str
"""The action, or why it cannot be done as it is seen."""


@dataclass(frozen=True)
class Making:
    """What is looked at before an action is made, and how it is made."""

    action: Callable[[Situation, Any], Made]
    looks: tuple[Look[Evidence], ...] = ()
    """Beside the process of the service."""


def _start(now: Situation, _: object) -> Made:
    process = now[looks.process]
    return StartService(service=now.service) if process.down else f"it does not stand still: {process.reason}"


def _restart(now: Situation, _: object) -> Made:
    process = now[looks.process]
    return RestartService(service=now.service) if process.running else f"it does not run: {process.reason}"


def _recreate(now: Situation, _: object) -> Made:
    unread = now[looks.unread_settings]
    if unread.unknown:
        return unread.reason
    return RecreateService(service=now.service, settings=unread.settings)


def _more_memory(now: Situation, settings: Memory) -> Made:
    limit, memory = now[looks.process].memory_limit, now.service.memory
    if limit is None:
        return f"it has no limit that can be seen: {now[looks.process].reason}"
    more = settings.to or min(int(limit * memory.factor), memory.cap)
    if more <= limit:
        return "its memory limit is that already, or more"
    return RaiseMemoryLimit(service=now.service, from_bytes=limit, to_bytes=more)


def _scale_out(now: Situation, settings: Replicas) -> Made:
    process = now[looks.process]
    if not process.running:
        return f"it does not run: {process.reason}"
    wanted = settings.to or process.replicas + 1
    if wanted > now.service.scale.max_replicas:
        return f"{process.replicas} run already, and scale.max_replicas is {now.service.scale.max_replicas}"
    if wanted <= process.replicas:
        return f"{process.replicas} run already"
    return ScaleOut(service=now.service, from_replicas=process.replicas, to_replicas=wanted)


def _of(fix: Callable[[Situation], Plan | None], otherwise: Callable[[Situation], str]) -> Making:
    """The first step of a fix that the runbooks have."""

    def action(now: Situation, _: object) -> Made:
        plan = fix(now)
        return plan.steps[0] if plan else otherwise(now)

    return Making(action)


def _script(now: Situation, _: object) -> Made:
    answer = now.policy.answer
    if answer is None or answer.restarts or now.service != now.policy.service:
        return "the configuration has no script for this alert"
    return RunScript(
        service=now.service,
        command=answer.act,
        verify=answer.proof or answer.act,
        timeout=answer.timeout,
        environment=answer.environment,
        effect=answer.changes,
        way_back=answer.undo,
    )


def _clear_cache(now: Situation, _: object) -> Made:
    caches = now[looks.caches]
    if caches.total is None or not now[looks.process].running:
        return f"its caches cannot be seen: {caches.reason}"
    return ClearCache(service=now.service, holds=caches.total)


def _sync(now: Situation, _: object) -> Made:
    return SyncProducts(service=now.service, last_sync=now[looks.last_sync].at)


def _nothing_to_go_back_to(_: Situation) -> str:
    return "no earlier version is known to have been healthy, and no script is configured"


def _looking(making: Making, *taken: Look[Evidence]) -> Making:
    return Making(making.action, taken)


MAKINGS: Mapping[str, Making] = {
    "clean-up-files": _looking(
        _of(plans.clean_up_then_start, lambda now: now[looks.old_files].reason), looks.old_files, looks.host
    ),
    "clear-cache": Making(_clear_cache, (looks.caches,)),
    "kill-process": _looking(
        _of(plans.free_the_port_then_start, lambda now: now[looks.port_owner].reason), looks.port_owner
    ),
    "raise-memory-limit": Making(_more_memory),
    "recreate-service": Making(_recreate, (looks.unread_settings,)),
    "restart-database": Making(lambda now, _: RestartDatabase(service=now.service)),
    "restart-service": Making(_restart),
    "roll-back": _looking(_of(plans.roll_back, _nothing_to_go_back_to), looks.history),
    "run-script": Making(_script),
    "scale-out": Making(_scale_out),
    "start-service": Making(_start),
    "sync-products": Making(_sync, (looks.last_sync,)),
    "terminate-sessions": _looking(
        _of(plans.terminate_idle_sessions, lambda now: now[looks.sessions].reason), looks.sessions
    ),
}
"""By kind, as in `models.catalogue.proposable.PROPOSABLE`."""


async def made(line: ProposalLine, policy: Policy, labels: Mapping[str, str]) -> Plan | str:
    """The plan of this proposal as its service is seen now; why there is none, where that is so."""
    making = MAKINGS.get(line.action)
    service = next((one for one in services_of(policy) if one.name == line.service), None)
    if making is None or service is None:
        return f"this version cannot do it: {line.says}"
    now = Situation(Seen(), policy, service, labels)
    taken = (looks.process, *making.looks)
    found = await asyncio.gather(*(one.take(now) for one in taken))
    now = Situation(Seen().having(zip(taken, found, strict=True)), policy, service, labels)
    action = making.action(now, settings_of(line.action, line.settings))
    if isinstance(action, str):
        return action or "what is seen speaks against it"
    why = f"{line.who} proposed it{': ' if line.text else ''}{line.text}"
    return Plan(steps=(action,), why=why, proposed_by=line.who)


def services_of(policy: Policy) -> tuple[Service, ...]:
    """The services that this incident may act upon, its own first."""
    own = (policy.service,) if policy.service else ()
    return (*own, *policy.dependencies, *policy.dependents)
