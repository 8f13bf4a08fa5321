"""The looks at a service's process and its memory.

`workflows.diagnosis.looks` has them all.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.files.environment import EnvironmentProposal
    from activities.files.heap_limit import HeapLimitActivities, ProposeHeapLimit
    from activities.managers.process_seen import ProcessSeen
    from activities.memory.busier import BusierRouteActivities, RoutesAround, RoutesSeen
    from activities.memory.emitters import EmitterActivities, EmittersSeen
    from activities.memory.started_around import StartedAround, StartedAroundActivities, StartedSeen
    from activities.monitoring.memory import CachesSeen, LookAtMemory, MemoryActivities, MemorySeen
    from activities.monitoring.memory_growth import GrowthActivities, GrowthSeen
    from activities.service.logs import LinesAround, LinesSeen, LogActivities
    from activities.service.processes import ProcessActivities
    from workflows.diagnosis.app_looks import the_service
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation


def its_memory(now: Situation) -> LookAtMemory:
    """Only since its process was started: look at that first."""
    return LookAtMemory(service=now.service, started_at=now[process].started_at)


def its_heap_limit(now: Situation) -> ProposeHeapLimit:
    """Against what is in force, as its metrics say: look at its memory first."""
    limit = now[memory].limit
    return ProposeHeapLimit(service=now.service, memory=now[process].memory_limit, in_force=limit)


def its_routes_then(now: Situation) -> RoutesAround | None:
    """Then: when its heap jumped, or began to grow."""
    at = now[memory].trend.since
    return RoutesAround(service=now.service, at=at) if at else None


def its_starts_then(now: Situation) -> StartedAround | None:
    at = now[memory].trend.since
    return StartedAround(service=now.service, at=at) if at else None


def its_lines_then(now: Situation) -> LinesAround | None:
    at = now[memory].trend.since
    return LinesAround(service=now.service, at=at) if at else None


process = Look("process", ProcessSeen, ProcessActivities.look_at_process, the_service, "state")
memory = Look("memory", MemorySeen, MemoryActivities.look_at_memory, its_memory, "heap over time")
growth = Look(
    "growth", GrowthSeen, GrowthActivities.look_at_growth, its_memory, "growth of the heap, now and before"
)
caches = Look("caches", CachesSeen, MemoryActivities.look_at_caches, its_memory)
emitters = Look("emitters", EmittersSeen, EmitterActivities.look_at_emitters, the_service)
heap_limit = Look("heap_limit", EnvironmentProposal, HeapLimitActivities.propose_heap_limit, its_heap_limit)
routes_then = Look("routes_then", RoutesSeen, BusierRouteActivities.look_at_routes, its_routes_then)
starts_then = Look("starts_then", StartedSeen, StartedAroundActivities.started_around, its_starts_then)
lines_then = Look("lines_then", LinesSeen, LogActivities.lines_around, its_lines_then)
